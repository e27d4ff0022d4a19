//! The local copy of a file: finds it, verifies it, and hands it to the caller.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::crypto::{ContentCipher, Digest, Iv, Key, Keys, NodeId, Seal};
use crate::disk::Disk;
use crate::limits::CHUNK_BYTES;
use crate::node::context::Shared;
use crate::node::handle::errors::ReadError;
use crate::node::handle::fetched::Fetched;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobReader, OwnRecord, StorageError, Store};

/// How many chunks of a found file wait for a slow reader. Chosen: one is read from the disk while another is taken.
const READ_CHUNKS_QUEUED: usize = 2;

/// Reads a local copy.
pub(super) type Reader<P> = BlobReader<<<P as Platform>::Disk as Disk>::File>;

/// What the local disk has of a file.
pub(in crate::node) enum LocalCopy<F> {
    Good(OwnRecord, BlobReader<F>),
    Damaged(OwnRecord),
    /// The copy is there, and the disk does not give it.
    Unreadable(OwnRecord, StorageError),
    Absent(Option<OwnRecord>),
}

/// Looks for a local copy and verifies it: encrypted again, the copy must have the digest of the replicas. The caller
/// holds the lock of the file.
pub(in crate::node) fn look_up<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
) -> Result<LocalCopy<D::File>, StorageError> {
    look_up_by(store, keys, key, Store::read_blob)
}

/// Does the same, and verifies what lies on the disk now.
pub(in crate::node) fn look_at_disk<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
) -> Result<LocalCopy<D::File>, StorageError> {
    look_up_by(store, keys, key, Store::read_from_disk)
}

fn look_up_by<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
    read: impl FnOnce(&Store<D>, &BlobId) -> Result<Option<BlobReader<D::File>>, StorageError>,
) -> Result<LocalCopy<D::File>, StorageError> {
    // If this fails, the local copy is at worst an older version, and the peers are asked.
    drop(store.settle(keys, &BlobId::Own(key.file_name())));
    let Some(record) = store.proved(keys, key)? else { return Ok(LocalCopy::Absent(None)) };
    let looked = read(store, &BlobId::Own(key.file_name())).and_then(|reader| {
        let Some(mut reader) = reader else { return Ok(None) };
        Ok(Some((reader.is_plaintext_of(keys, record.iv, &record.seal)?, reader)))
    });
    Ok(match looked {
        Ok(Some((true, mut reader))) => {
            reader.rewind();
            LocalCopy::Good(record, reader)
        }
        Ok(Some((false, _))) => LocalCopy::Damaged(record),
        Ok(None) => LocalCopy::Absent(Some(record)),
        Err(error @ StorageError::Disk { .. }) => LocalCopy::Unreadable(record, error),
        Err(error) => return Err(error),
    })
}

/// Sets a local copy aside that is none of these versions: one from before the catalog was lost may be newer than all
/// that the peers have.
pub(super) fn set_strange_aside<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    blob: &BlobId,
    known: &[(Iv, &Seal)],
) -> Result<(), StorageError> {
    if !store.has_blob(blob)? {
        return Ok(());
    }
    for (iv, seal) in known {
        match store.is_good_own(blob, keys, *iv, seal) {
            Ok(true) => return Ok(()),
            // What the disk does not give may be anything.
            Ok(false) | Err(StorageError::Disk { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    store.set_aside(blob).map(drop)
}

/// Where the content of a file is from.
#[derive(Clone, Copy)]
pub(in crate::node) enum Origin {
    /// The local copy was good.
    Here,
    /// It came from a peer, and is the local copy now.
    Peer(NodeId),
    /// It came from a peer, and goes as soon as it is read.
    Passing(NodeId),
}

/// Hands a verified file to the caller, chunk by chunk. The bytes are checked again on their way, and the last chunk is
/// handed over only if all bytes are still those that were verified.
pub(in crate::node) fn open<P: Platform>(
    context: &Shared<P>,
    reader: Reader<P>,
    (seal, iv): (&Seal, Iv),
    origin: Origin,
) -> Fetched {
    let (sender, chunks) = mpsc::channel(READ_CHUNKS_QUEUED);
    let task = context.clone();
    let (size, digest) = (seal.size, seal.digest);
    let place = reader.place().cloned();
    let passing = place.clone().filter(|_| matches!(origin, Origin::Passing(_)));
    let is_passing = passing.is_some();
    context.spawn(async move {
        send(&task, reader, (size, digest, iv), &sender).await;
        if let Some(path) = passing {
            sender.closed().await;
            // If this fails, the next start removes it.
            drop(task.blocking(move |store| store.remove_temporary(&path)).await);
        }
    });
    // The catalog has opened this metadata before; without it the content is as good.
    let attributes = seal.metadata.open(&context.keys).ok().and_then(|metadata| metadata.attributes);
    let from = match origin {
        Origin::Here => None,
        Origin::Peer(peer) | Origin::Passing(peer) => Some(peer),
    };
    Fetched { size, version: seal.version, from, attributes, place, is_passing, chunks, left: size }
}

/// Sends a content chunk by chunk until its end, or until nobody takes it.
async fn send<P: Platform>(
    context: &Shared<P>,
    mut reader: Reader<P>,
    (size, digest, iv): (u64, Digest, Iv),
    sender: &mpsc::Sender<Result<Bytes, ReadError>>,
) {
    let (mut left, is_quick) = (size, reader.is_quick());
    let mut cipher = ContentCipher::new(&context.keys, iv);
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        left -= part as u64;
        let read = move || {
            let mut chunk = vec![0; part];
            let count = reader.read(&mut chunk);
            cipher.seal(&mut chunk.clone());
            let checked = match count.map_err(ReadError::Disk) {
                Ok(count) if count < part || (left == 0 && cipher.digest() != digest) => Err(ReadError::Damaged),
                read => read.map(|_| Bytes::from(chunk)),
            };
            (reader, cipher, checked)
        };
        let chunk;
        (reader, cipher, chunk) = if is_quick { read() } else { context.offload(read).await };
        let is_last = chunk.is_err();
        if sender.send(chunk).await.is_err() || is_last {
            return;
        }
    }
}

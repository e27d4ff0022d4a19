//! The local copy of a file: finds it, verifies it, and hands it to the caller.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::crypto::{ContentCipher, Iv, Key, Keys, NodeId, Seal};
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

/// Hands a verified file to the caller, chunk by chunk. The bytes are checked again on their way, and the last chunk is
/// handed over only if all bytes are still those that were verified.
pub(in crate::node) fn open<P: Platform>(
    context: &Shared<P>,
    mut reader: Reader<P>,
    seal: &Seal,
    iv: Iv,
    from: Option<NodeId>,
) -> Fetched {
    let (sender, chunks) = mpsc::channel(READ_CHUNKS_QUEUED);
    let task = context.clone();
    let (size, digest) = (seal.size, seal.digest);
    let mut cipher = ContentCipher::new(&context.keys, iv);
    let (is_quick, place) = (reader.is_quick(), reader.place().cloned());
    context.spawn(async move {
        let mut left = size;
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
            (reader, cipher, chunk) = if is_quick { read() } else { task.offload(read).await };
            let is_last = chunk.is_err();
            if sender.send(chunk).await.is_err() || is_last {
                return;
            }
        }
    });
    // The catalog has opened this metadata before; without it the content is as good.
    let attributes = seal.metadata.open(&context.keys).ok().and_then(|metadata| metadata.attributes);
    Fetched { size, version: seal.version, from, attributes, place, chunks, left: size }
}

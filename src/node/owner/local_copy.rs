//! The local copy of a file: finds it, verifies it, and hands it to the caller.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::crypto::{ContentCipher, Digest, Iv, Key, Keys, NodeId, Seal, Version};
use crate::disk::{Disk, DiskFile};
use crate::limits::{CHECK_BYTES_MAX, CHUNK_BYTES};
use crate::node::context::{Context, Shared};
use crate::node::handle::errors::ReadError;
use crate::node::handle::fetched::Fetched;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobReader, Change, OwnRecord, StorageError, Store};

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

/// A look at a local copy.
pub(in crate::node) enum Look<F> {
    /// It is known what is there.
    Done(LocalCopy<F>),
    /// A large copy is open, and is to be verified. Whatever takes its place meanwhile makes no difference to it.
    Open(OwnRecord, BlobReader<F>),
}

/// Looks for a local copy and verifies it unless it is large: encrypted again, the copy must have the digest of the
/// replicas. The caller holds the lock of the file.
pub(in crate::node) fn look_up<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
) -> Result<Look<D::File>, StorageError> {
    look_up_by(store, keys, key, Store::read_blob)
}

/// Does the same with what lies on the disk now.
pub(in crate::node) fn look_at_disk<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
) -> Result<Look<D::File>, StorageError> {
    look_up_by(store, keys, key, Store::read_from_disk)
}

fn look_up_by<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
    read: impl FnOnce(&Store<D>, &BlobId) -> Result<Option<BlobReader<D::File>>, StorageError>,
) -> Result<Look<D::File>, StorageError> {
    // If this fails, the local copy is at worst an older version, and the peers are asked.
    drop(store.settle(keys, &BlobId::Own(key.file_name())));
    let Some(record) = store.proved(keys, key)? else { return Ok(Look::Done(LocalCopy::Absent(None))) };
    match read(store, &BlobId::Own(key.file_name())) {
        Ok(Some(reader)) if reader.len() > CHECK_BYTES_MAX => Ok(Look::Open(record, reader)),
        Ok(Some(reader)) => verify(keys, record, reader).map(Look::Done),
        Ok(None) => Ok(Look::Done(LocalCopy::Absent(Some(record)))),
        Err(error) => LocalCopy::unread(record, error).map(Look::Done),
    }
}

/// Reads all of a copy that is open, and compares it with its record.
fn verify<F: DiskFile>(
    keys: &Keys,
    record: OwnRecord,
    mut reader: BlobReader<F>,
) -> Result<LocalCopy<F>, StorageError> {
    match reader.is_plaintext_of(keys, record.iv, &record.seal) {
        Ok(true) => {
            reader.rewind();
            Ok(LocalCopy::Good(record, reader))
        }
        Ok(false) => Ok(LocalCopy::Damaged(record)),
        Err(error) => LocalCopy::unread(record, error),
    }
}

impl<F: DiskFile> Look<F> {
    /// Verifies what is open. This may take long, and nobody has to hold the lock of the file.
    pub(in crate::node) async fn verified<P: Platform>(self, context: &Context<P>) -> Result<LocalCopy<F>, StorageError>
    where
        P::Disk: Disk<File = F>,
    {
        match self {
            Self::Done(local) => Ok(local),
            Self::Open(record, reader) => context.with_keys(move |_, keys| verify(keys, record, reader)).await,
        }
    }
}

impl<F> LocalCopy<F> {
    /// What the disk does not give is a copy all the same.
    fn unread(record: OwnRecord, error: StorageError) -> Result<Self, StorageError> {
        match error {
            StorageError::Disk { .. } => Ok(Self::Unreadable(record, error)),
            error => Err(error),
        }
    }
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

/// Notes that good local copies are here, in one commit, but for those that were removed or replaced meanwhile. A file
/// that somebody works on at the moment is left out, and one of which catalog or disk say nothing.
pub(in crate::node) async fn note<P: Platform>(
    context: &Shared<P>,
    found: Vec<(Key, Version)>,
) -> Result<(), StorageError> {
    let (mut free, mut locked) = (Vec::new(), Vec::new());
    for (key, version) in found {
        let blob = BlobId::Own(key.file_name());
        // It waits for nobody while it holds the locks of others.
        if !context.locks.is_locked(blob) {
            locked.push(context.locks.lock(blob).await);
            free.push((key, version));
        }
    }
    let look = move |store: &Store<P::Disk>, _: &Keys| {
        let is_here = |(key, version): &(Key, Version)| {
            let record = store.own(key).ok().flatten();
            record.is_some_and(|record| record.seal.version == *version)
                && store.has_blob(&BlobId::Own(key.file_name())).is_ok_and(|is_here| is_here)
        };
        let here = free.iter().filter(|found| is_here(found));
        let changes: Vec<_> = here.map(|(key, version)| Change::Copy(key.file_name(), Some(*version))).collect();
        if changes.is_empty() { Err(()) } else { Ok(changes) }
    };
    match context.commits.commit_if(look).await {
        Ok(noted) => noted.map(drop),
        Err(()) => Ok(()),
    }
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

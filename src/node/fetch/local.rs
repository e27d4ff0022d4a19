//! The local copy of a file: looking for it, verifying it, and handing it to the caller.

use tokio::sync::mpsc;

use super::Reader;
use crate::crypto::{ContentCipher, Key, Keys, NodeId, Seal};
use crate::disk::Disk;
use crate::limits::CHUNK_BYTES;
use crate::node::Shared;
use crate::node::errors::ReadError;
use crate::node::handle::Fetched;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobReader, OwnRecord, Store, StoreError};

/// Chunks of a found file that wait for a slow reader.
const READ_CHUNKS_QUEUED: usize = 2;

/// What the local disk has of a file.
pub(super) enum Local<F> {
    Good(OwnRecord, BlobReader<F>),
    Damaged(OwnRecord),
    Absent(Option<OwnRecord>),
}

/// Looks for a local copy, also for one that is committed and did not get its name.
pub(super) fn look_up<D: Disk>(store: &Store<D>, keys: &Keys, key: &Key) -> Result<Local<D::File>, StoreError> {
    let local = verify(store, keys, key)?;
    let (Local::Damaged(record) | Local::Absent(Some(record))) = &local else { return Ok(local) };
    // Where this fails, the peers are asked.
    match store.finish(keys, &BlobId::Own(key.path_name()), record.seal.version) {
        Ok(true) => verify(store, keys, key),
        _ => Ok(local),
    }
}

/// Verifies the local copy: what is encrypted again must have the digest of the replicas.
fn verify<D: Disk>(store: &Store<D>, keys: &Keys, key: &Key) -> Result<Local<D::File>, StoreError> {
    let Some(record) = store.own(key)? else { return Ok(Local::Absent(None)) };
    let Some(mut reader) = store.read_blob(&BlobId::Own(key.path_name()))? else {
        return Ok(Local::Absent(Some(record)));
    };
    if reader.len() != record.seal.size {
        return Ok(Local::Damaged(record));
    }
    let mut cipher = ContentCipher::new(keys, record.iv);
    let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(reader.len()).unwrap_or(CHUNK_BYTES))];
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        cipher.seal(&mut chunk[..count]);
    }
    if cipher.digest() != record.seal.digest {
        return Ok(Local::Damaged(record));
    }
    reader.rewind();
    Ok(Local::Good(record, reader))
}

/// Hands a verified file to the caller, chunk by chunk.
pub(super) fn open<P: Platform>(
    inner: &Shared<P>,
    mut reader: Reader<P>,
    seal: &Seal,
    from: Option<NodeId>,
) -> Fetched {
    let (sender, chunks) = mpsc::channel(READ_CHUNKS_QUEUED);
    let task = inner.clone();
    let size = seal.size;
    inner.spawn(async move {
        let mut left = size;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let read = move || {
                let mut chunk = vec![0; part];
                let count = reader.read(&mut chunk);
                chunk.truncate(*count.as_ref().unwrap_or(&0));
                (reader, count.map(|_| chunk))
            };
            let (next, chunk) = task.offload(read).await;
            reader = next;
            let is_last = chunk.as_ref().map_or(true, |chunk| chunk.len() < part);
            if sender.send(chunk.map(Into::into).map_err(ReadError::Disk)).await.is_err() || is_last {
                return;
            }
            left -= part as u64;
        }
    });
    Fetched { size, version: seal.version, from, chunks, left: size }
}

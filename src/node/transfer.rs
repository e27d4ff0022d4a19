//! Moves the content of files in chunks, with the disk and the other end at work at the same time, in constant
//! memory: two chunks here, and what the connections buffer.

use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use super::context::Context;
use crate::disk::DiskFile;
use crate::limits::CHUNK_BYTES;
use crate::platform::Platform;
use crate::protocol::WireError;
use crate::store::{BlobReader, StorageError};

/// The work that is done on each chunk, away from the node's thread.
pub(super) trait Work: Send + 'static {
    /// Takes the next chunk, and may change it in place.
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StorageError>;

    /// Whether this many bytes are worked on in memory, and sooner than another thread would wake up.
    fn is_quick(&self, bytes: usize) -> bool;
}

/// Why content stopped moving.
#[derive(Debug)]
pub(super) enum TransferError<E> {
    /// The source of the content failed.
    Source(E),
    /// The disk failed.
    Disk(StorageError),
}

/// Takes chunks from `source` until it gives an empty one, works on each, and hands it to `sink`, while `source`
/// already fetches the next one. Both get used buffers back. Returns the work in any case.
pub(super) async fn run<P: Platform, W: Work, E>(
    context: &Context<P>,
    mut work: W,
    mut source: impl AsyncFnMut(Vec<u8>) -> Result<Vec<u8>, E>,
    mut sink: impl AsyncFnMut(Vec<u8>) -> Vec<u8>,
) -> Result<W, (W, TransferError<E>)> {
    let mut next = source(Vec::new()).await;
    let mut spare = Vec::new();
    loop {
        let mut chunk = match next {
            Ok(chunk) if chunk.is_empty() => return Ok(work),
            Ok(chunk) => chunk,
            Err(error) => return Err((work, TransferError::Source(error))),
        };
        let is_quick = work.is_quick(chunk.len());
        let job = move || {
            let result = work.chunk(&mut chunk);
            (work, chunk, result)
        };
        let job = async { if is_quick { job() } else { context.offload(job).await } };
        let (done, following) = tokio::join!(biased; job, source(spare));
        let result;
        (work, chunk, result) = done;
        if let Err(error) = result {
            return Err((work, TransferError::Disk(error)));
        }
        spare = sink(chunk).await;
        next = following;
    }
}

/// Returns a source for [`run`] that gives the next `len` bytes of a connection.
pub(super) fn from_connection<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    mut len: u64,
) -> impl AsyncFnMut(Vec<u8>) -> Result<Vec<u8>, WireError> {
    async move |mut buffer| {
        let part = usize::try_from(len).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        buffer.resize(part, 0);
        connection.receive_bytes(&mut buffer).await?;
        len -= part as u64;
        Ok(buffer)
    }
}

/// Why content did not reach a connection.
#[derive(Debug)]
pub(super) enum SendError {
    /// The connection failed.
    Wire(WireError),
    /// The disk failed, or the file is shorter than it was.
    Disk(StorageError),
    /// The file ended early.
    Short,
}

/// Sends `len` bytes of a blob, after `work` has changed them.
pub(super) async fn send<P: Platform, F: DiskFile, S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context<P>,
    mut blob: BlobReader<F>,
    mut len: u64,
    mut work: impl FnMut(&mut [u8]) + Send + 'static,
    connection: &mut Connection<S>,
) -> Result<(), SendError> {
    let mut chunk = Vec::new();
    let mut spare = Vec::new();
    loop {
        let part = usize::try_from(len).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let job = context.offload(move || {
            spare.resize(part, 0);
            let count = if part == 0 { Ok(0) } else { blob.read(&mut spare) };
            work(&mut spare);
            (blob, work, spare, count)
        });
        let (done, sent) = tokio::join!(biased; job, connection.queue_bytes(&chunk));
        sent.map_err(SendError::Wire)?;
        let (next, count);
        (blob, work, next, count) = done;
        if count.map_err(SendError::Disk)? < part {
            return Err(SendError::Short);
        }
        if part == 0 {
            return Ok(());
        }
        len -= part as u64;
        spare = std::mem::replace(&mut chunk, next);
    }
}

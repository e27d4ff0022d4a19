//! Stores a file: on the local disk, and at every connected peer that is to hold it, at the same time.

mod keep;
mod receipts;
mod send;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::sleep;

use crate::crypto::{ContentCipher, Iv, Key, Metadata, Seal, SealedMetadata};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CHUNK_BYTES, FILE_BYTES_MAX, SOURCE_STALL_TIMEOUT};
use crate::node::context::Shared;
use crate::node::handle::Content;
use crate::node::handle::answers::Stored;
use crate::node::handle::errors::{StoreError, StoreFault};
use crate::node::peers::status::away;
use crate::node::transfer::{self, TransferError, Work};
use crate::platform::Platform;
use crate::seed::SeedRng;
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, OwnRecord, StorageError};
use keep::keep;
use send::{Announced, Sending, conclude_all, push_to_all, send_to_all};

pub(super) use send::{NotSent, send_again};

/// Writes plaintext to the local disk and turns it into the sealed bytes that the peers get.
struct Sealing<D: Disk> {
    writer: BlobWriter<D>,
    cipher: ContentCipher,
}

impl<D: Disk> Work for Sealing<D> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StorageError> {
        self.writer.write(bytes)?;
        self.cipher.seal(bytes);
        Ok(())
    }

    fn is_quick(&self, bytes: usize) -> bool {
        self.writer.is_quick(bytes)
    }
}

/// Stores a file. See [`Handle::store`](crate::node::Handle::store). Locks the key only once the content is here: a
/// store that waits for its content does not keep other callers from the version before.
pub(in crate::node) async fn store<P: Platform>(
    context: Shared<P>,
    key: Key,
    content: Content,
    gone: impl Future<Output = ()>,
) -> Result<Stored, StoreError> {
    let attributes = content.attributes;
    if content.size.is_some_and(|size| size > FILE_BYTES_MAX) {
        return Err(StoreError::Rejected(StoreFault::TooLarge { max: FILE_BYTES_MAX }));
    }
    let blob = BlobId::Own(key.file_name());
    let (now, replica_name) = (context.platform.now(), context.keys.replica_name(&key));
    let begun = async {
        let version = match context.store.reserved_version(replica_name) {
            Some(version) => version,
            None => context.short(move |store, _| store.next_version(now, replica_name)).await?,
        };
        Ok((version, context.begin(blob, version).await?))
    };
    let begun: Result<_, StorageError> = begun.await;
    let (version, writer) = begun.map_err(|error| StoreError::Rejected(StoreFault::Disk(error)))?;
    let (writer, iv) = draw_iv(&context, &context.lanes.iv, writer).await?;
    let announced = Announced { file: key.file_name(), replica_name, version, iv, size: 0 };
    let (sendings, mut postponed) = match content.size {
        Some(size) => send_to_all(&context, &Announced { size, ..announced.clone() }),
        None => Default::default(),
    };
    let sealing = Sealing { writer, cipher: ContentCipher::new(&context.keys, iv) };
    let Written { sealing, size, has_stalled } = write(&context, sealing, content, &sendings, gone).await?;
    let Sealing { writer, cipher } = sealing;
    let has_sent = !sendings.is_empty();
    let sendings = if has_stalled { Vec::new() } else { sendings };
    let announced = Announced { size, ..announced };
    let modified = context.platform.now();
    let metadata = Metadata { key: key.clone(), size, modified, attributes };
    let (writer, metadata_iv) = draw_iv(&context, &context.lanes.metadata_iv, writer).await?;
    let metadata = SealedMetadata::seal(&context.keys, metadata_iv, &metadata);
    let seal = Seal::new(&context.keys, announced.replica_name, version, size, cipher.digest(), metadata);
    // No peer gets the seal, and with it the version, before this node holds the lock.
    let locked = (context.locks.lock(blob).await, context.lock_name(replica_name).await);
    let was_streamed = !sendings.is_empty();
    let mut waiting = conclude_all(sendings, &seal);
    let record = OwnRecord { seal, iv, modified };
    let record = keep(&context, &key, announced.replica_name, writer, record, was_streamed).await?;
    let (was_announced, version) = (was_streamed && version == record.seal.version, record.seal.version);
    context.tell(&Event::FileWritten { file: announced.file, version, bytes: size });
    if !was_announced {
        (waiting, postponed) = push_to_all(&context, &Announced { version, ..announced }, &record, has_sent).await;
    }
    drop(locked);
    let mut receipts = receipts::all(waiting).await;
    receipts.append(&mut postponed);
    receipts.sort_by_key(|receipt| receipt.peer);
    let away = away(&context, &receipts.iter().map(|receipt| receipt.peer).collect::<Vec<_>>());
    Ok(Stored { version, size, receipts, away })
}

/// Draws an IV, or gives the store up: a file is not sealed without fresh entropy, and no peer has been told of it yet.
async fn draw_iv<P: Platform>(
    context: &Shared<P>,
    lane: &RefCell<SeedRng>,
    writer: BlobWriter<P::Disk>,
) -> Result<(BlobWriter<P::Disk>, Iv), StoreError> {
    match context.draw_iv(lane) {
        Ok(iv) => Ok((writer, iv)),
        Err(error) => {
            context.discard(writer).await;
            Err(StoreError::Rejected(StoreFault::NoEntropy(error)))
        }
    }
}

/// The content of a file, written to the local disk.
struct Written<D: Disk> {
    sealing: Sealing<D>,
    size: u64,
    /// Whether the peers are not to get it as it was read.
    has_stalled: bool,
}

/// Reads the content to its end, and writes and sends it on the way. If the source stalls, the peers get nothing more.
async fn write<P: Platform>(
    context: &Shared<P>,
    sealing: Sealing<P::Disk>,
    content: Content,
    sendings: &[Sending],
    gone: impl Future<Output = ()>,
) -> Result<Written<P::Disk>, StoreError> {
    let Content { size, mut reader, .. } = content;
    let (mut found, has_stalled) = (0, Cell::new(false));
    let mut gone = pin!(gone);
    let source = async |buffer: Vec<u8>| {
        let mut filling = pin!(fill(&mut reader, buffer, size.map(|size| size - found)));
        let chunk = loop {
            tokio::select! {
                biased;
                chunk = &mut filling => break chunk.map_err(StoreFault::Content)?,
                () = &mut gone => return Err(StoreFault::CallerGone),
                () = sleep(SOURCE_STALL_TIMEOUT), if !has_stalled.get() && !sendings.is_empty() => {
                    has_stalled.set(true);
                    sendings.iter().for_each(Sending::give_up);
                }
            }
        };
        found += chunk.len() as u64;
        match size {
            Some(expected) if found > expected || (chunk.is_empty() && found < expected) => {
                Err(StoreFault::Size { expected, found })
            }
            None if found > FILE_BYTES_MAX => Err(StoreFault::TooLarge { max: FILE_BYTES_MAX }),
            _ => Ok(chunk),
        }
    };
    let mut sent = VecDeque::new();
    let sink = async |sealed: Vec<u8>| {
        if sendings.is_empty() || has_stalled.get() {
            return sealed;
        }
        let sealed = Bytes::from(sealed);
        for sending in sendings {
            sending.offer(&sealed, sendings).await;
        }
        sent.push_back(sealed);
        // The oldest chunk is free once every peer has sent it. The queues to the peers bound how many chunks are not.
        if sent.front().is_some_and(Bytes::is_unique) { sent.pop_front().map(Vec::from) } else { None }
            .unwrap_or_default()
    };
    let (sealing, fault) = match transfer::run(context, sealing, source, sink).await {
        Ok(sealing) => return Ok(Written { sealing, size: found, has_stalled: has_stalled.get() }),
        Err((sealing, TransferError::Source(fault))) => (sealing, fault),
        Err((sealing, TransferError::Disk(error))) => (sealing, StoreFault::Disk(error)),
    };
    context.discard(sealing.writer).await;
    Err(StoreError::Rejected(fault))
}

/// Fills a buffer as far as the content goes. If the length is known, looks one byte beyond it.
async fn fill(
    reader: &mut (impl AsyncRead + Unpin),
    mut buffer: Vec<u8>,
    expected: Option<u64>,
) -> std::io::Result<Vec<u8>> {
    let room = expected.map_or(CHUNK_BYTES as u64, |expected| expected.saturating_add(1).min(CHUNK_BYTES as u64));
    buffer.resize(usize::try_from(room).expect("a chunk fits the memory"), 0);
    let mut filled = 0;
    while filled < buffer.len() {
        let count = reader.read(&mut buffer[filled..]).await?;
        if count == 0 {
            break;
        }
        filled += count;
    }
    buffer.truncate(filled);
    Ok(buffer)
}

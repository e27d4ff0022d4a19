//! Storing a file: to the local disk and to every connected peer at the same time.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};

use super::errors::{ReplicaError, StoreError, StoreFault};
use super::handle::{Content, Receipt, Stored};
use super::peers::{self, Asking, Peer};
use super::pump::{self, PourError, PumpError, Work};
use super::{Shared, Stream, draw_iv};
use crate::crypto::{ContentCipher, HashedKey, IV_BYTES, Iv, Key, Metadata, PathName, Seal, SealedMetadata, Version};
use crate::disk::DiskFile;
use crate::event::Event;
use crate::limits::{CHUNK_BYTES, CHUNKS_QUEUED_MAX, EAGER_BYTES_MAX, FILE_BYTES_MAX};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, Change, OwnRecord};

/// Writes plaintext to the local disk and turns it into what the peers get.
struct Sealing<F> {
    writer: BlobWriter<F>,
    cipher: ContentCipher,
}

impl<F: DiskFile> Work for Sealing<F> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), crate::store::StoreError> {
        self.writer.write(bytes)?;
        self.cipher.seal(bytes);
        Ok(())
    }
}

/// One replica that is being sent while the file is read.
struct Sending {
    chunks: mpsc::Sender<Bytes>,
    seal: oneshot::Sender<Seal>,
    receipt: oneshot::Receiver<Receipt>,
}

/// What a peer is told before the content of a replica.
#[derive(Clone)]
struct Announced {
    file: PathName,
    hashed: HashedKey,
    version: Version,
    iv: Iv,
    size: u64,
}

/// Stores a file. See [`Handle::store`](super::Handle::store).
pub(super) async fn store<P: Platform>(inner: Shared<P>, key: Key, content: Content) -> Result<Stored, StoreError> {
    if content.size.is_some_and(|size| size > FILE_BYTES_MAX) {
        return Err(StoreError::Rejected(StoreFault::TooLarge { max: FILE_BYTES_MAX }));
    }
    let blob = BlobId::Own(key.path_name());
    let _locked = inner.locks.lock(blob).await;
    let begun = inner.blocking(move |store| {
        let version = store.next_version()?;
        Ok((version, store.write_blob(blob, version)?))
    });
    let (version, writer) = begun.await.map_err(|error| StoreError::Rejected(StoreFault::Disk(error)))?;
    let iv = draw_iv(&inner.lanes.iv);
    let announced = Announced { file: key.path_name(), hashed: inner.keys.hashed(&key), version, iv, size: 0 };
    let sendings = match content.size {
        Some(size) => send_to_all(&inner, &Announced { size, ..announced.clone() }),
        None => Vec::new(),
    };
    let sealing = Sealing { writer, cipher: ContentCipher::new(&inner.keys, iv) };
    let (sealing, size) = write(&inner, sealing, content, &sendings).await?;
    let modified = inner.platform.now();
    let metadata = Metadata { key: key.clone(), size, modified };
    let metadata = SealedMetadata::seal(&inner.keys, draw_iv(&inner.lanes.metadata_iv), &metadata);
    let seal = Seal::new(&inner.keys, announced.hashed, version, size, sealing.cipher.digest(), metadata);
    let mut waiting = Vec::new();
    for sending in sendings {
        drop(sending.chunks);
        // A task that has given up has its receipt ready.
        drop(sending.seal.send(seal.clone()));
        waiting.push(sending.receipt);
    }
    let was_streamed = !waiting.is_empty();
    let record = OwnRecord { seal, iv, modified };
    keep(&inner, &key, sealing.writer, record.clone()).await?;
    inner.tell(&Event::FileWritten { file: announced.file, version, bytes: size });
    if !was_streamed {
        waiting = push_to_all(&inner, &Announced { size, ..announced }, &record);
    }
    let mut receipts = Vec::new();
    for receipt in waiting {
        receipts.push(receipt.await.expect("a sending task ends with a receipt"));
    }
    Ok(Stored { version, size, receipts })
}

/// Reads the content to its end, writing and sending it on the way.
async fn write<P: Platform, F: DiskFile>(
    inner: &Shared<P>,
    sealing: Sealing<F>,
    content: Content,
    sendings: &[Sending],
) -> Result<(Sealing<F>, u64), StoreError>
where
    P::Disk: crate::disk::Disk<File = F>,
{
    let Content { size, mut reader } = content;
    let mut found = 0;
    let source = async |buffer: Vec<u8>| {
        let chunk = fill(&mut reader, buffer, size.map(|size| size - found)).await.map_err(StoreFault::Content)?;
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
        if sendings.is_empty() {
            return sealed;
        }
        let sealed = Bytes::from(sealed);
        for sending in sendings {
            // A peer that has failed takes no more; its receipt says why.
            drop(sending.chunks.send(sealed.clone()).await);
        }
        sent.push_back(sealed);
        // The oldest chunk is free once every peer has sent it. The queues to the peers bound how many are not.
        if sent.front().is_some_and(Bytes::is_unique) { sent.pop_front().map(Vec::from) } else { None }
            .unwrap_or_default()
    };
    let (sealing, fault) = match pump::pump(inner, sealing, source, sink).await {
        Ok(sealing) => return Ok((sealing, found)),
        Err((sealing, PumpError::Source(fault))) => (sealing, fault),
        Err((sealing, PumpError::Disk(error))) => (sealing, StoreFault::Disk(error)),
    };
    // Where this fails too, the next start drops the file.
    drop(inner.blocking(move |store| store.discard(&sealing.writer)).await);
    Err(StoreError::Rejected(fault))
}

/// Fills a buffer as far as the content goes. Where its end is known, looks one byte beyond it.
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

/// Makes the new version the one that counts. From here on nothing is certain where something fails: the peers
/// may have the new version already.
async fn keep<P: Platform>(
    inner: &Shared<P>,
    key: &Key,
    writer: BlobWriter<<P::Disk as crate::disk::Disk>::File>,
    record: OwnRecord,
) -> Result<(), StoreError> {
    let unconfirmed = |error| StoreError::Unconfirmed(StoreFault::Disk(error));
    let writer = inner.blocking(move |store| store.sync_blob(&writer).map(|()| writer)).await.map_err(unconfirmed)?;
    inner.commit(Change::Own(key.clone(), Box::new(record))).await.map_err(unconfirmed)?;
    inner.blocking(move |store| store.publish(&writer)).await.map_err(unconfirmed)
}

/// Starts to send a replica to every connected peer, chunk by chunk as the file is read.
fn send_to_all<P: Platform>(inner: &Shared<P>, announced: &Announced) -> Vec<Sending> {
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (chunks, incoming) = mpsc::channel(CHUNKS_QUEUED_MAX);
        let (seal, sealed) = oneshot::channel();
        let (done, receipt) = oneshot::channel();
        let (inner_task, announced) = (inner.clone(), announced.clone());
        inner.spawn(async move {
            let outcome = send(&inner_task, &peer, &announced, incoming, sealed).await;
            drop(done.send(acknowledge(&inner_task, &peer, &announced, outcome)));
        });
        Sending { chunks, seal, receipt }
    };
    inner.peers.connected().into_iter().map(start).collect()
}

async fn send<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    mut chunks: mpsc::Receiver<Bytes>,
    seal: oneshot::Receiver<Seal>,
) -> Result<(), ReplicaError> {
    let mut asking = announce(inner, peer, announced).await?;
    while let Some(chunk) = chunks.recv().await {
        asking.connection.queue_bytes(&chunk).await.map_err(not_there)?;
    }
    let seal = seal.await.map_err(|_| ReplicaError::Unreachable { reason: "the store was given up".to_owned() })?;
    conclude(asking, seal).await
}

/// Sends a replica of a file that is on the local disk to every connected peer.
fn push_to_all<P: Platform>(
    inner: &Shared<P>,
    announced: &Announced,
    record: &OwnRecord,
) -> Vec<oneshot::Receiver<Receipt>> {
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (done, receipt) = oneshot::channel();
        let (inner_task, announced, seal) = (inner.clone(), announced.clone(), record.seal.clone());
        inner.spawn(async move {
            let outcome = push(&inner_task, &peer, &announced, seal).await;
            drop(done.send(acknowledge(&inner_task, &peer, &announced, outcome)));
        });
        receipt
    };
    inner.peers.connected().into_iter().map(start).collect()
}

async fn push<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    seal: Seal,
) -> Result<(), ReplicaError> {
    let blob = BlobId::Own(announced.file);
    let opened = inner.blocking(move |store| store.read_blob(&blob)).await;
    let unreadable = || ReplicaError::Unreachable { reason: "the local copy cannot be read".to_owned() };
    let reader = opened.ok().flatten().ok_or_else(unreadable)?;
    let mut asking = announce(inner, peer, announced).await?;
    let mut cipher = ContentCipher::new(&inner.keys, announced.iv);
    let work = move |chunk: &mut [u8]| cipher.seal(chunk);
    match pump::pour(inner, reader, announced.size, work, &mut asking.connection).await {
        Ok(()) => conclude(asking, seal).await,
        Err(PourError::Wire(error)) => Err(not_there(error)),
        Err(PourError::Disk(_) | PourError::Short) => Err(unreadable()),
    }
}

/// Opens the exchange, up to the IV.
async fn announce<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
) -> Result<Asking<Stream<P>>, ReplicaError> {
    let unreachable = |reason| ReplicaError::Unreachable { reason };
    let mut asking = peers::ask(inner, peer).await.map_err(unreachable)?;
    let connection = &mut asking.connection;
    let sealed_bytes = announced.size + IV_BYTES as u64;
    let Announced { hashed, version, .. } = *announced;
    let message = Message::StoreFile { owner: inner.keys.node(), hashed, version, sealed_bytes };
    connection.queue(&message).await.map_err(not_there)?;
    if announced.size > EAGER_BYTES_MAX {
        connection.flush().await.map_err(not_there)?;
        match connection.receive().await.map_err(not_there)? {
            Message::Proceed => {}
            Message::Refused(refusal) => {
                asking.done();
                return Err(ReplicaError::Refused(refusal));
            }
            other => return Err(unreachable(format!("it answered a store with {}", other.name()))),
        }
    }
    connection.queue_stream_header(sealed_bytes).await.map_err(not_there)?;
    connection.queue_bytes(&announced.iv.0).await.map_err(not_there)?;
    Ok(asking)
}

/// Ends the exchange: from here on the peer may have the replica.
async fn conclude<S>(mut asking: Asking<S>, seal: Seal) -> Result<(), ReplicaError>
where
    S: AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    asking.connection.send(&Message::Sealed(seal)).await?;
    match asking.connection.receive().await? {
        Message::Stored => {
            asking.done();
            Ok(())
        }
        Message::Refused(refusal) => {
            asking.done();
            Err(ReplicaError::Refused(refusal))
        }
        other => Err(ReplicaError::Unconfirmed { reason: format!("it answered a store with {}", other.name()) }),
    }
}

/// Before the seal is sent, no peer keeps anything.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn not_there(error: WireError) -> ReplicaError {
    ReplicaError::Unreachable { reason: error.to_string() }
}

fn acknowledge<P: Platform>(
    inner: &Shared<P>,
    peer: &Peer<Stream<P>>,
    announced: &Announced,
    outcome: Result<(), ReplicaError>,
) -> Receipt {
    let (peer, file) = (peer.id, announced.file);
    inner.tell(&match &outcome {
        Ok(()) => Event::ReplicaAcknowledged { peer, file, bytes: announced.size + IV_BYTES as u64 },
        Err(error) => Event::ReplicaFailed { peer, file, reason: error.to_string() },
    });
    Receipt { peer, outcome }
}

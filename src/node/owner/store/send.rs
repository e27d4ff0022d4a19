//! Sends replicas to the peers: chunk by chunk while the file is read, or from the local copy.

use std::rc::Rc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use crate::crypto::{ContentCipher, FileName, IV_BYTES, Iv, Key, ReplicaName, Seal, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CHUNKS_QUEUED_MAX, EAGER_BYTES_MAX};
use crate::node::context::{Shared, Stream};
use crate::node::handle::answers::Receipt;
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::local_copy::{self, LocalCopy};
use crate::node::owner::placement::holders_of;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{Lease, lease};
use crate::node::transfer::{self, SendError};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobReader, OwnRecord};

/// One replica that is being sent while the file is read.
pub(super) struct Sending {
    pub(super) chunks: mpsc::Sender<Bytes>,
    seal: oneshot::Sender<Seal>,
    receipt: oneshot::Receiver<Receipt>,
}

/// What a peer is told before the content of a replica.
#[derive(Clone)]
pub(super) struct Announced {
    pub(super) file: FileName,
    pub(super) replica_name: ReplicaName,
    pub(super) version: Version,
    pub(super) iv: Iv,
    pub(super) size: u64,
}

/// Ends every stream with the seal. Returns the receivers of the receipts.
pub(super) fn conclude_all(sendings: Vec<Sending>, seal: &Seal) -> Vec<oneshot::Receiver<Receipt>> {
    let conclude = |sending: Sending| {
        drop(sending.chunks);
        // A task that has given up has its receipt ready.
        drop(sending.seal.send(seal.clone()));
        sending.receipt
    };
    sendings.into_iter().map(conclude).collect()
}

/// Starts to send a replica to every peer that is to hold it, chunk by chunk as the file is read.
pub(super) fn send_to_all<P: Platform>(context: &Shared<P>, announced: &Announced) -> Vec<Sending> {
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (chunks, incoming) = mpsc::channel(CHUNKS_QUEUED_MAX);
        let (seal, sealed) = oneshot::channel();
        let (done, receipt) = oneshot::channel();
        let (task, announced) = (context.clone(), announced.clone());
        let in_flight = context.owner.in_flight.add(peer.id, announced.replica_name);
        context.spawn(async move {
            let outcome = send(&task, &peer, &announced, incoming, sealed).await;
            drop(in_flight);
            drop(done.send(acknowledge(&task, &peer, &announced, outcome)));
        });
        Sending { chunks, seal, receipt }
    };
    holders_of(context, announced.replica_name).into_iter().map(start).collect()
}

async fn send<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    mut chunks: mpsc::Receiver<Bytes>,
    seal: oneshot::Receiver<Seal>,
) -> Result<(), ReplicaError> {
    let mut lease = announce(context, peer, announced).await?;
    while let Some(chunk) = chunks.recv().await {
        lease.connection.queue_bytes(&chunk).await.map_err(not_there)?;
    }
    let seal = seal.await.map_err(|_| ReplicaError::Unreachable { reason: "the store was given up".to_owned() })?;
    conclude(lease, seal).await
}

/// Starts to send the replica of a file that is on the local disk to every peer that is to hold it.
pub(super) fn push_to_all<P: Platform>(
    context: &Shared<P>,
    announced: &Announced,
    record: &OwnRecord,
) -> Vec<oneshot::Receiver<Receipt>> {
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (done, receipt) = oneshot::channel();
        let (task, announced, seal) = (context.clone(), announced.clone(), record.seal.clone());
        let in_flight = context.owner.in_flight.add(peer.id, announced.replica_name);
        context.spawn(async move {
            let outcome = push_local(&task, &peer, &announced, seal).await;
            drop(in_flight);
            drop(done.send(acknowledge(&task, &peer, &announced, outcome)));
        });
        receipt
    };
    holders_of(context, announced.replica_name).into_iter().map(start).collect()
}

async fn push_local<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    seal: Seal,
) -> Result<(), ReplicaError> {
    let blob = BlobId::Own(announced.file);
    let opened = context.blocking(move |store| store.read_blob(&blob)).await;
    let reader = opened.ok().flatten().ok_or_else(unreadable)?;
    push(context, peer, announced, seal, reader).await
}

/// Sends a peer a replica that it lacks, from the local copy if that is good.
pub(in crate::node::owner) async fn send_again<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    key: &Key,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> Result<(), ReplicaError> {
    let file = key.file_name();
    let locked = context.locks.lock(BlobId::Own(file)).await;
    let key = key.clone();
    // The copy is verified before a byte of it is encrypted: other bytes under the same IV would tell how they differ.
    let local = context.with_keys(move |store, keys| local_copy::look_up(store, keys, &key)).await;
    drop(locked);
    let reader = match local {
        Ok(LocalCopy::Good(known, reader)) if known.seal == record.seal => reader,
        _ => return Err(unreadable()),
    };
    let OwnRecord { seal, iv, .. } = record.clone();
    let announced = Announced { file, replica_name, version: seal.version, iv, size: seal.size };
    let outcome = push(context, peer, &announced, seal, reader).await;
    acknowledge(context, peer, &announced, outcome).outcome
}

async fn push<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    seal: Seal,
    reader: BlobReader<<P::Disk as Disk>::File>,
) -> Result<(), ReplicaError> {
    let mut lease = announce(context, peer, announced).await?;
    let mut cipher = ContentCipher::new(&context.keys, announced.iv);
    let work = move |chunk: &mut [u8]| cipher.seal(chunk);
    match transfer::send(context, reader, announced.size, work, &mut lease.connection).await {
        Ok(()) => conclude(lease, seal).await,
        Err(SendError::Wire(error)) => Err(not_there(error)),
        Err(SendError::Disk(_) | SendError::Short) => Err(unreadable()),
    }
}

fn unreadable() -> ReplicaError {
    ReplicaError::Unreachable { reason: "the local copy cannot be read".to_owned() }
}

/// Opens the exchange, and sends everything up to the IV.
async fn announce<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
) -> Result<Lease<Stream<P>>, ReplicaError> {
    let unreachable = |reason| ReplicaError::Unreachable { reason };
    let mut lease = lease(context, peer).await?;
    let connection = &mut lease.connection;
    let sealed_bytes = announced.size + IV_BYTES as u64;
    let Announced { replica_name, version, .. } = *announced;
    let message = Message::StoreFile { owner: context.keys.node(), replica_name, version, sealed_bytes };
    connection.queue(&message).await.map_err(not_there)?;
    if announced.size > EAGER_BYTES_MAX {
        connection.flush().await.map_err(not_there)?;
        match connection.receive().await.map_err(not_there)? {
            Message::Proceed => {}
            Message::Refused(refusal) => {
                lease.done();
                return Err(ReplicaError::Refused(refusal));
            }
            other => return Err(unreachable(format!("it answered a store with {}", other.name()))),
        }
    }
    connection.queue_stream_header(sealed_bytes).await.map_err(not_there)?;
    connection.queue_bytes(&announced.iv.0).await.map_err(not_there)?;
    Ok(lease)
}

/// Ends the exchange with the seal. From here on the peer may have the replica.
async fn conclude<S>(mut lease: Lease<S>, seal: Seal) -> Result<(), ReplicaError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    lease.connection.send(&Message::Sealed(seal)).await?;
    match lease.connection.receive().await? {
        Message::Stored => {
            lease.done();
            Ok(())
        }
        Message::Refused(refusal) => {
            lease.done();
            Err(ReplicaError::Refused(refusal))
        }
        Message::PerhapsStored => {
            lease.done();
            Err(ReplicaError::Unconfirmed { reason: "its disk failed at the commit".to_owned() })
        }
        other => Err(ReplicaError::Unconfirmed { reason: format!("it answered a store with {}", other.name()) }),
    }
}

/// Returns the error of an exchange that failed before the seal was sent: until then no peer keeps anything.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn not_there(error: WireError) -> ReplicaError {
    ReplicaError::Unreachable { reason: error.to_string() }
}

fn acknowledge<P: Platform>(
    context: &Shared<P>,
    peer: &Peer<Stream<P>>,
    announced: &Announced,
    outcome: Result<(), ReplicaError>,
) -> Receipt {
    let (peer, file) = (peer.id, announced.file);
    context.tell(&match &outcome {
        Ok(()) => Event::ReplicaAcknowledged { peer, file, bytes: announced.size + IV_BYTES as u64 },
        Err(error) => Event::ReplicaFailed { peer, file, reason: error.to_string() },
    });
    Receipt { peer, outcome }
}

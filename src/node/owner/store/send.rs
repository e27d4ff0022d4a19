//! Sends replicas to the peers: chunk by chunk while the file is read, or from the local copy.

use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::receipts::{Waiting, left_to_repair};
use crate::crypto::{ContentCipher, FileName, IV_BYTES, Iv, Key, Keys, ReplicaName, Seal, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CHUNKS_QUEUED_MAX, EAGER_BYTES_MAX};
use crate::node::context::{Shared, Stream};
use crate::node::handle::answers::Receipt;
use crate::node::handle::errors::ReplicaError;
use crate::node::meter::Meter;
use crate::node::owner::local_copy::{self, LocalCopy};
use crate::node::owner::placement::holders_of;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{Lease, lease};
use crate::node::transfer::{self, SendError};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobReader, OwnRecord, Store};

/// One replica that is being sent while the file is read.
pub(super) struct Sending {
    chunks: mpsc::Sender<Bytes>,
    seal: oneshot::Sender<Seal>,
    waiting: Waiting,
    given_up: CancellationToken,
    /// Ends the exchange, whatever it waits for, if the store is given up.
    unless_concluded: DropGuard,
}

impl Sending {
    /// Ends the exchange. The peer keeps nothing.
    pub(super) fn give_up(&self) {
        self.given_up.cancel();
    }

    /// Hands the next chunk to the exchange, and waits while too many are queued. If the peer crawls and another one
    /// waits for this chunk, leaves the peer behind. A peer that has failed takes no more; its receipt says why.
    pub(super) async fn offer(&self, chunk: &Bytes, all: &[Self]) {
        while !self.given_up.is_cancelled() {
            tokio::select! {
                biased;
                sent = self.chunks.send(chunk.clone()) => return drop(sent),
                () = self.waiting.meter.crawls() => {
                    if all.iter().any(Self::waits_for_more) {
                        self.waiting.is_slow.set(true);
                        self.give_up();
                    }
                }
            }
        }
    }

    fn waits_for_more(&self) -> bool {
        !self.chunks.is_closed() && self.chunks.capacity() == CHUNKS_QUEUED_MAX
    }
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

/// Ends every stream with the seal. Returns what to wait for.
pub(super) fn conclude_all(sendings: Vec<Sending>, seal: &Seal) -> Vec<Waiting> {
    let conclude = |sending: Sending| {
        drop(sending.chunks);
        drop(sending.unless_concluded.disarm());
        // A task that has given up has its receipt ready.
        drop(sending.seal.send(seal.clone()));
        sending.waiting
    };
    sendings.into_iter().map(conclude).collect()
}

/// Starts to send a replica to every peer that is to hold it, chunk by chunk as the file is read. Slow peers are left
/// to repair: the second value has their receipts.
pub(super) fn send_to_all<P: Platform>(context: &Shared<P>, announced: &Announced) -> (Vec<Sending>, Vec<Receipt>) {
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (chunks, incoming) = mpsc::channel(CHUNKS_QUEUED_MAX);
        let (seal, sealed) = oneshot::channel();
        let (done, waiting) = Waiting::new(&peer);
        let (task, announced, meter) = (context.clone(), announced.clone(), waiting.meter.clone());
        let in_flight = context.owner.in_flight.add(peer.id, announced.replica_name);
        let given_up = CancellationToken::new();
        let (stop, unless_concluded) = (given_up.clone(), given_up.clone().drop_guard());
        context.spawn(async move {
            let outcome = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                outcome = send(&task, &peer, &announced, &meter, (incoming, sealed)) => outcome,
            };
            drop(in_flight);
            drop(done.send(acknowledge(&task, &peer, &announced, outcome)));
        });
        Sending { chunks, seal, waiting, given_up, unless_concluded }
    };
    let (holders, postponed) = without_slow(holders_of(context, announced.replica_name));
    (holders.into_iter().map(start).collect(), postponed)
}

/// Takes out the slow peers if there are others, and returns their receipts.
fn without_slow<S>(holders: Vec<Rc<Peer<S>>>) -> (Vec<Rc<Peer<S>>>, Vec<Receipt>) {
    if holders.iter().all(|peer| peer.is_slow.get()) {
        return (holders, Vec::new());
    }
    let (slow, holders): (Vec<_>, Vec<_>) = holders.into_iter().partition(|peer| peer.is_slow.get());
    (holders, slow.iter().map(|peer| left_to_repair(peer.id)).collect())
}

async fn send<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    meter: &Rc<Meter>,
    (mut chunks, seal): (mpsc::Receiver<Bytes>, oneshot::Receiver<Seal>),
) -> Result<(), ReplicaError> {
    // A store that waits for its source takes no connection from others.
    let mut next = chunks.recv().await;
    let mut lease = announce(context, peer, announced, meter).await?;
    while let Some(chunk) = next {
        lease.connection.queue_bytes(&chunk).await.map_err(not_there)?;
        next = chunks.recv().await;
    }
    let seal = seal.await.map_err(|_| ReplicaError::Unreachable { reason: "the store was given up".to_owned() })?;
    conclude(context, lease, seal).await
}

/// Starts to send the replica of a file that is on the local disk to every peer that is to hold it. The caller holds
/// the lock of the file; the copy is open when this returns, and the lock is not needed any more. If bytes of the file
/// have been sent (`has_sent`), the copy is verified first, because other bytes under the same IV would tell how they
/// differ.
pub(super) async fn push_to_all<P: Platform>(
    context: &Shared<P>,
    announced: &Announced,
    record: &OwnRecord,
    has_sent: bool,
) -> (Vec<Waiting>, Vec<Receipt>) {
    let blob = BlobId::Own(announced.file);
    let OwnRecord { seal, iv, .. } = record.clone();
    let verify = move |store: &Store<P::Disk>, keys: &Keys| store.is_good_own(&blob, keys, iv, &seal);
    let is_good = !has_sent || context.with_keys(verify).await.unwrap_or(false);
    let (holders, postponed) = without_slow(holders_of(context, announced.replica_name));
    let mut all = Vec::new();
    for peer in holders {
        let (done, waiting) = Waiting::new(&peer);
        let (task, announced, seal, meter) =
            (context.clone(), announced.clone(), record.seal.clone(), waiting.meter.clone());
        let in_flight = context.owner.in_flight.add(peer.id, announced.replica_name);
        let opened = context.blocking(move |store| if is_good { store.read_blob(&blob) } else { Ok(None) }).await;
        context.spawn(async move {
            let outcome = match opened {
                Ok(Some(reader)) => push(&task, &peer, &announced, &meter, seal, reader).await,
                _ => Err(NotSent::NoCopy),
            };
            drop(in_flight);
            drop(done.send(acknowledge(&task, &peer, &announced, outcome.map_err(ReplicaError::from))));
        });
        all.push(waiting);
    }
    (all, postponed)
}

/// Why the local copy was not sent to a peer.
pub(in crate::node::owner) enum NotSent {
    /// There is no good local copy.
    NoCopy,
    /// The peer did not take it.
    Failed(ReplicaError),
}

impl From<NotSent> for ReplicaError {
    fn from(error: NotSent) -> Self {
        match error {
            NotSent::NoCopy => Self::Unreachable { reason: "the local copy cannot be read".to_owned() },
            NotSent::Failed(error) => error,
        }
    }
}

impl From<ReplicaError> for NotSent {
    fn from(error: ReplicaError) -> Self {
        Self::Failed(error)
    }
}

/// Sends a peer a replica that it lacks, from the local copy if that is good.
pub(in crate::node::owner) async fn send_again<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    key: &Key,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> Result<(), NotSent> {
    let file = key.file_name();
    let locked = context.locks.lock(BlobId::Own(file)).await;
    let key = key.clone();
    // The copy is verified before a byte of it is encrypted: other bytes under the same IV would tell how they differ.
    let look = context.with_keys(move |store, keys| local_copy::look_up(store, keys, &key)).await;
    drop(locked);
    let reader = match look.map_err(|_| NotSent::NoCopy)?.verified(context).await {
        Ok(LocalCopy::Good(known, reader)) if known.seal == record.seal => reader,
        _ => return Err(NotSent::NoCopy),
    };
    let OwnRecord { seal, iv, .. } = record.clone();
    let announced = Announced { file, replica_name, version: seal.version, iv, size: seal.size };
    match push(context, peer, &announced, &Rc::default(), seal, reader).await {
        Err(NotSent::NoCopy) => Err(NotSent::NoCopy),
        Ok(()) => {
            peer.is_slow.set(false);
            Ok(acknowledge(context, peer, &announced, Ok(())).outcome?)
        }
        pushed => Ok(acknowledge(context, peer, &announced, pushed.map_err(ReplicaError::from)).outcome?),
    }
}

async fn push<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    meter: &Rc<Meter>,
    seal: Seal,
    reader: BlobReader<<P::Disk as Disk>::File>,
) -> Result<(), NotSent> {
    let mut lease = announce(context, peer, announced, meter).await?;
    let mut cipher = ContentCipher::new(&context.keys, announced.iv);
    let work = move |chunk: &mut [u8]| cipher.seal(chunk);
    match transfer::send(context, reader, announced.size, work, &mut lease.connection).await {
        Ok(()) => Ok(conclude(context, lease, seal).await?),
        Err(SendError::Wire(error)) => Err(not_there(error).into()),
        Err(SendError::Disk(_) | SendError::Short) => Err(NotSent::NoCopy),
    }
}

/// Opens the exchange, and sends everything up to the IV.
async fn announce<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    announced: &Announced,
    meter: &Rc<Meter>,
) -> Result<Lease<Stream<P>>, ReplicaError> {
    let unreachable = |reason| ReplicaError::Unreachable { reason };
    let mut lease = lease(context, peer).await?;
    let connection = &mut lease.connection;
    connection.meter = meter.clone();
    let sealed_bytes = announced.size + IV_BYTES as u64;
    let Announced { replica_name, version, .. } = *announced;
    let message = Message::StoreFile { owner: context.keys.node(), replica_name, version, sealed_bytes };
    connection.queue(&message).await.map_err(not_there)?;
    if announced.size > EAGER_BYTES_MAX {
        match lease.answer(context).await.map_err(not_there)? {
            Message::Proceed => {}
            Message::Refused(refusal) => {
                lease.done();
                return Err(ReplicaError::Refused(refusal));
            }
            other => return Err(unreachable(format!("it answered a store with {}", other.name()))),
        }
    }
    let connection = &mut lease.connection;
    connection.queue_stream_header(sealed_bytes).await.map_err(not_there)?;
    connection.queue_bytes(&announced.iv.0).await.map_err(not_there)?;
    Ok(lease)
}

/// Ends the exchange with the seal. From here on the peer may have the replica.
async fn conclude<P: Platform>(
    context: &Shared<P>,
    mut lease: Lease<Stream<P>>,
    seal: Seal,
) -> Result<(), ReplicaError> {
    lease.connection.queue(&Message::Sealed(seal)).await?;
    match lease.answer(context).await? {
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

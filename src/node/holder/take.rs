//! Takes a replica from its owner.

use tokio::io::{AsyncRead, AsyncWrite};

use super::quota::{OnItsWay, Quota, Room};
use super::refuse::{Refused, unexpected};
use crate::crypto::{Digest, IV_BYTES, Keys, NodeId, ReplicaName, Seal, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{EAGER_BYTES_MAX, FILE_BYTES_MAX};
use crate::node::commit::KeepError;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::node::transfer::{self, TransferError, Work};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, Change, HeldRecord, Known, StorageError, Store, Usage};

/// Content that is refused after it was announced is read and dropped up to this length, so that the refusal reaches
/// the peer; if there is more, the connection is closed. Chosen: a tenth of a second of a fast disk.
const DRAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A replica that a peer wants stored.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    pub(super) owner: NodeId,
    pub(super) replica_name: ReplicaName,
    pub(super) version: Version,
    pub(super) sealed_bytes: u64,
}

impl Offer {
    /// Returns what the replica takes up.
    fn room(&self) -> Usage {
        Usage { files: 1, bytes: self.sealed_bytes, tombstones: 0 }
    }
}

/// Writes sealed bytes to the disk and computes their digest.
struct Receiving<D: Disk> {
    writer: BlobWriter<D>,
    hasher: blake3::Hasher,
}

impl<D: Disk> Work for Receiving<D> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StorageError> {
        self.hasher.update(bytes);
        self.writer.write(bytes)
    }

    fn is_quick(&self, bytes: usize) -> bool {
        self.writer.is_quick(bytes)
    }
}

/// Takes a replica and answers whether it is durable.
pub(super) async fn take<P: Platform>(
    context: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    offer: Offer,
) -> Result<(), WireError> {
    let is_eager = offer.sealed_bytes <= EAGER_BYTES_MAX + IV_BYTES as u64;
    let (writer, room) = match admit(context, connection.peer, &offer).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            let answer = context.refuse(connection.peer, refused);
            if is_eager {
                connection.receive_stream_header(offer.sealed_bytes).await?;
                return refuse_rest(connection, offer.sealed_bytes, &answer).await;
            }
            return connection.send(&answer).await;
        }
    };
    if let Err(error) = proceed(connection, offer.sealed_bytes, is_eager).await {
        context.discard(writer).await;
        return Err(error);
    }
    let receiving = match receive(context, connection, writer, offer.sealed_bytes).await {
        Ok(receiving) => receiving,
        Err(Unreceived::Wire(error)) => return Err(error),
        Err(Unreceived::Disk { error, rest }) => {
            let answer = context.refuse(connection.peer, error);
            return refuse_rest(connection, rest, &answer).await;
        }
    };
    let seal = match connection.receive().await {
        Ok(Message::Sealed(seal)) => seal,
        other => {
            context.discard(receiving.writer).await;
            return Err(unexpected("sealed", other));
        }
    };
    let answer = keep(context, &offer, receiving, seal, room).await;
    connection.send(&answer).await
}

/// Has the peer begin to send, and waits for the header of the stream.
async fn proceed<S>(connection: &mut Connection<S>, sealed_bytes: u64, is_eager: bool) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !is_eager {
        connection.send(&Message::Proceed).await?;
    }
    connection.receive_stream_header(sealed_bytes).await
}

/// Why content was not received.
enum Unreceived {
    Wire(WireError),
    /// The disk failed while `rest` bytes of the stream had not been read.
    Disk {
        error: StorageError,
        rest: u64,
    },
}

/// Receives the content of a replica. If that fails, nothing of it is kept.
async fn receive<P: Platform>(
    context: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    writer: BlobWriter<P::Disk>,
    len: u64,
) -> Result<Receiving<P::Disk>, Unreceived> {
    let mut rest = len;
    let transferred = {
        let mut next = transfer::from_connection(connection, len);
        let source = async |buffer| {
            let chunk = next(buffer).await?;
            rest -= chunk.len() as u64;
            Ok(chunk)
        };
        let receiving = Receiving { writer, hasher: blake3::Hasher::new() };
        transfer::run(context, receiving, source, async |buffer| buffer).await
    };
    let (receiving, error) = match transferred {
        Ok(receiving) => return Ok(receiving),
        Err((receiving, TransferError::Source(error))) => (receiving, Unreceived::Wire(error)),
        Err((receiving, TransferError::Disk(error))) => (receiving, Unreceived::Disk { error, rest }),
    };
    context.discard(receiving.writer).await;
    Err(error)
}

/// Returns a place to write the content, and room in the owner's quota. Decides what can be decided before the first
/// byte of content. Where there is a quota, one replica of an owner is looked at at a time, so that only what was
/// admitted takes room.
async fn admit<P: Platform>(
    context: &Shared<P>,
    peer: NodeId,
    offer: &Offer,
) -> Result<(BlobWriter<P::Disk>, Room), Refused> {
    check(peer, offer)?;
    let (offer, holder) = (*offer, &context.holder);
    let (quota, name) = (holder.quota, (offer.owner, offer.replica_name));
    let _locked = if quota == Quota::default() { None } else { Some(holder.admissions.lock(offer.owner).await) };
    let mut is_first = true;
    loop {
        let coming = holder.reserved.on_its_way(name);
        match context.short(move |store, _| begin(store, &offer, quota, coming)).await {
            Ok(writer) => return Ok((writer, holder.reserved.add(name, offer.room()))),
            // What was committed just before the look, or during it, may have been counted twice.
            Err(Refused::Rule(Refusal::QuotaBytes { .. } | Refusal::QuotaFiles { .. }))
                if holder.reserved.on_its_way(name) != coming || (is_first && coming != OnItsWay::default()) =>
            {
                is_first = false;
            }
            Err(refused) => return Err(refused),
        }
    }
}

fn check(peer: NodeId, offer: &Offer) -> Result<(), Refusal> {
    if offer.owner != peer {
        return Err(Refusal::NotOwner);
    }
    let size = offer.sealed_bytes.checked_sub(IV_BYTES as u64).ok_or(Refusal::Unexpected)?;
    if size > FILE_BYTES_MAX { Err(Refusal::TooLarge) } else { Ok(()) }
}

fn begin<D: Disk>(store: &Store<D>, offer: &Offer, quota: Quota, coming: OnItsWay) -> Result<BlobWriter<D>, Refused> {
    let held = store.held(offer.owner, offer.replica_name)?;
    if let Some(held) = held.as_ref().filter(|held| held.version() > offer.version) {
        return Err(Refusal::Stale { held: held.version() }.into());
    }
    quota.check(store.usage(offer.owner)?, held.as_ref(), offer.room(), coming)?;
    let blob = BlobId::Held(offer.owner, offer.replica_name);
    Ok(store.write_blob(blob, offer.version)?)
}

/// Makes a received replica durable, in place of an older version, and answers the store.
async fn keep<P: Platform>(
    context: &Shared<P>,
    offer: &Offer,
    receiving: Receiving<P::Disk>,
    seal: Seal,
    room: Room,
) -> Message {
    let Offer { owner, replica_name, version, sealed_bytes } = *offer;
    let digest = Digest(*receiving.hasher.finalize().as_bytes());
    let is_as_announced = seal.version == version && seal.sealed_bytes() == sealed_bytes && seal.digest == digest;
    if !is_as_announced {
        context.discard(receiving.writer).await;
        return Message::Refused(Refusal::Damaged);
    }
    let _locked = context.locks.lock(BlobId::Held(owner, replica_name)).await;
    let now = context.platform.now();
    let look = move |store: &Store<P::Disk>, keys: &Keys| -> Result<_, Refused> {
        check_held(store, keys, owner, replica_name, &seal)?;
        let record = Known::File(HeldRecord { seal, stored: now, verified: now });
        Ok(Some(Change::Held(owner, replica_name, Box::new(record))))
    };
    let committed = context.keep_unnamed(receiving.writer, look).await;
    // From here on the catalog counts it, or nobody has to.
    drop(room);
    let kept = match committed {
        Ok(committed) => context.publish(committed).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(_) => {
            context.holder.refusals.note_kept();
            context.tell(&Event::ReplicaWritten { owner, replica: replica_name, version, bytes: sealed_bytes });
            Message::Stored
        }
        Err(KeepError::Refused(refused, writer)) => {
            context.discard(writer).await;
            context.refuse(owner, refused)
        }
        Err(KeepError::Outdated(writer)) => {
            context.discard(writer).await;
            Message::Refused(Refusal::Stale { held: version })
        }
        Err(KeepError::NotStored(error)) => context.refuse(owner, error),
        Err(KeepError::PerhapsStored(error)) => context.perhaps(owner, &error),
    }
}

/// Refuses a version that may not replace what is held. The caller holds the lock of the replica.
fn check_held<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    owner: NodeId,
    replica_name: ReplicaName,
    seal: &Seal,
) -> Result<(), Refused> {
    let held = store.settle(keys, &BlobId::Held(owner, replica_name)).and_then(|()| store.held(owner, replica_name));
    let Some(held) = held? else { return Ok(()) };
    // A deleted file has no seal, so nothing takes its place under the same version.
    let is_same = matches!(&held, Known::File(record) if record.seal == *seal);
    if held.version() > seal.version || (held.version() == seal.version && !is_same) {
        return Err(Refusal::Stale { held: held.version() }.into());
    }
    Ok(())
}

/// Drops the rest of a stream and its seal, and tells the peer why.
async fn refuse_rest<S>(connection: &mut Connection<S>, rest: u64, refusal: &Message) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if rest > DRAIN_BYTES_MAX {
        connection.send(refusal).await?;
        return Err(WireError::Closed);
    }
    connection.drain(rest).await?;
    match connection.receive().await {
        Ok(Message::Sealed(_)) => connection.send(refusal).await,
        other => Err(unexpected("sealed", other)),
    }
}

#[cfg(test)]
mod tests;

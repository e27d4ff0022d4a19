//! Passes a replica on from one peer to another: sealed bytes, which are decrypted nowhere on the way and which the
//! taking peer checks against the seal.

use std::rc::Rc;

use super::error::{RepairError, other_answer};
use crate::crypto::{IV_BYTES, ReplicaName, Seal};
use crate::limits::{CHUNK_BYTES, EAGER_BYTES_MAX};
use crate::node::context::{Shared, Stream};
use crate::node::owner::holders;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{Lease, lease};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::OwnRecord;

/// Which of the two peers failed.
enum NotPassed {
    Giving(RepairError),
    Taking(RepairError),
}

/// Sends a peer the replica of the first peer that has its bytes and gives them. Other peers come first; the peer
/// itself may have the bytes under an earlier number.
pub(super) async fn relay<P: Platform>(
    context: &Shared<P>,
    to: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> Result<(), RepairError> {
    let mut reason = RepairError::NoOther;
    let others = context.peers.connected().into_iter().filter(|peer| peer.id != to.id);
    for from in others.chain([to.clone()]) {
        match pass_on(context, &from, to, replica_name, record).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(NotPassed::Taking(RepairError::Refused(Refusal::Damaged))) => {
                // The bytes are not those of the seal. The giver finds that out, and sets them aside.
                drop(holders::verify(context, &from, replica_name, &record.seal).await);
                let error = RepairError::Refused(Refusal::Damaged);
                reason = RepairError::NotGiven { peer: from.id, reason: Box::new(error) };
            }
            Err(NotPassed::Giving(error)) => reason = RepairError::NotGiven { peer: from.id, reason: Box::new(error) },
            // What the peer does not take from one, it does not take from another.
            Err(NotPassed::Taking(error)) => {
                return Err(RepairError::NotTaken { peer: to.id, reason: Box::new(error) });
            }
        }
    }
    Err(reason)
}

/// Passes one replica on. Returns false if the giving peer does not have these bytes.
async fn pass_on<P: Platform>(
    context: &Shared<P>,
    from: &Rc<Peer<Stream<P>>>,
    to: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> Result<bool, NotPassed> {
    let _place = from.relays.clone().acquire_owned().await.expect("the semaphore is never closed");
    let mut giving = lease(context, from).await.map_err(gives_not)?;
    let question = Message::GetFile { owner: context.keys.node(), replica_name };
    let found = giving.exchange(context, &question).await.map_err(gives_not)?;
    let is_it = |seal: &Seal| seal.has_bytes_of(&record.seal) && seal.is_authentic(&context.keys, replica_name);
    if !matches!(&found, Message::Found(seal) if is_it(seal)) {
        return Ok(false);
    }
    let mut taking = lease(context, to).await.map_err(takes_not)?;
    match stream(context, &mut giving, &mut taking, replica_name, record).await? {
        Message::Stored => {
            giving.done();
            taking.done();
            Ok(true)
        }
        other => Err(takes_not(other_answer("a store", other))),
    }
}

fn gives_not(error: impl Into<RepairError>) -> NotPassed {
    NotPassed::Giving(error.into())
}

fn takes_not(error: impl Into<RepairError>) -> NotPassed {
    NotPassed::Taking(error.into())
}

/// Streams the sealed bytes from one exchange to the other, and returns the answer of the taking peer, which compares
/// the bytes with the digest in the seal before it keeps them.
async fn stream<P: Platform>(
    context: &Shared<P>,
    giving: &mut Lease<Stream<P>>,
    taking: &mut Lease<Stream<P>>,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> Result<Message, NotPassed> {
    let seal = &record.seal;
    let (owner, version, sealed_bytes) = (context.keys.node(), seal.version, seal.sealed_bytes());
    let offer = Message::StoreFile { owner, replica_name, version, sealed_bytes };
    taking.connection.queue(&offer).await.map_err(takes_not)?;
    if sealed_bytes > EAGER_BYTES_MAX + IV_BYTES as u64 {
        match taking.answer(context).await.map_err(takes_not)? {
            Message::Proceed => {}
            other => return Ok(other),
        }
        giving.connection.send(&Message::Proceed).await.map_err(gives_not)?;
    }
    giving.connection.receive_stream_header(sealed_bytes).await.map_err(gives_not)?;
    taking.connection.queue_stream_header(sealed_bytes).await.map_err(takes_not)?;
    let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(sealed_bytes).unwrap_or(CHUNK_BYTES))];
    let mut left = sealed_bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        giving.connection.receive_bytes(&mut chunk[..part]).await.map_err(gives_not)?;
        taking.connection.queue_bytes(&chunk[..part]).await.map_err(takes_not)?;
        left -= part as u64;
    }
    taking.connection.queue(&Message::Sealed(seal.clone())).await.map_err(takes_not)?;
    taking.answer(context).await.map_err(takes_not)
}

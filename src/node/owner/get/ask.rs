//! Asks one peer for a file, and takes the answer if it is authentic.

use std::rc::Rc;

use crate::crypto::{ReplicaName, Seal};
use crate::event::FetchAnswer;
use crate::limits::EAGER_BYTES_MAX;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{self, Lease, Slot};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};

/// A replica with an authentic seal.
pub(super) struct Found<S> {
    pub(super) seal: Seal,
    pub(super) body: Body<S>,
}

pub(super) enum Body<S> {
    /// All sealed bytes of a small replica.
    Here(Vec<u8>),
    /// The peer waits to be told to proceed.
    Waiting(Box<Lease<S>>),
}

/// Asks one peer for a file, in a slot for an exchange with it. Reads a small replica to its end, so that the
/// connection is free again.
pub(super) async fn ask<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    slot: Slot,
    replica_name: ReplicaName,
) -> Result<Found<Stream<P>>, FetchAnswer> {
    let failed = |error: WireError| FetchAnswer::Failed(error.to_string());
    let leased = pool::lease_in(context, peer, slot).await;
    let mut lease = leased.map_err(|error| FetchAnswer::Failed(error.to_string()))?;
    let question = Message::GetFile { owner: context.keys.node(), replica_name };
    let seal = match lease.exchange(context, &question).await.map_err(failed)? {
        Message::Found(seal) => seal,
        Message::NotFound => {
            lease.done();
            return Err(FetchAnswer::NotFound);
        }
        Message::Gone(tombstone) => {
            lease.done();
            return Err(match tombstone.is_authentic(&context.keys, replica_name) {
                true => FetchAnswer::Deleted(tombstone.version),
                false => FetchAnswer::Damaged,
            });
        }
        Message::Refused(refusal) => {
            lease.done();
            return Err(match refusal {
                Refusal::Rotten => FetchAnswer::Damaged,
                other => FetchAnswer::Failed(other.to_string()),
            });
        }
        other => return Err(FetchAnswer::Failed(format!("it answered a get with {}", other.name()))),
    };
    // The seal is checked before its length is believed.
    if !seal.is_authentic(&context.keys, replica_name) {
        return Err(FetchAnswer::Damaged);
    }
    if seal.size > EAGER_BYTES_MAX {
        return Ok(Found { seal, body: Body::Waiting(Box::new(lease)) });
    }
    let len = seal.sealed_bytes();
    let connection = &mut lease.connection;
    connection.receive_stream_header(len).await.map_err(failed)?;
    let mut bytes = vec![0; usize::try_from(len).expect("a small replica fits the memory")];
    connection.receive_bytes(&mut bytes).await.map_err(failed)?;
    lease.done();
    Ok(Found { seal, body: Body::Here(bytes) })
}

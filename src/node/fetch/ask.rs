//! Asking one peer for a file, up to an authentic answer.

use std::rc::Rc;

use tokio::time::Instant;

use crate::crypto::{HashedKey, Seal};
use crate::event::FetchAnswer;
use crate::limits::EAGER_BYTES_MAX;
use crate::node::peers::{self, Asking, Peer};
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};

/// A replica with an authentic seal.
pub(super) struct Found<S> {
    pub(super) seal: Seal,
    pub(super) body: Body<S>,
}

pub(super) enum Body<S> {
    /// All sealed bytes.
    Here(Vec<u8>),
    /// The peer waits to be told to proceed.
    Waiting(Box<Asking<S>>, Instant),
}

/// Asks one peer. A small replica is read to its end, so that the connection is free again.
pub(super) async fn ask<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
) -> Result<Found<Stream<P>>, FetchAnswer> {
    let failed = |error: WireError| FetchAnswer::Failed(error.to_string());
    let mut asking = peers::ask(inner, peer).await.map_err(FetchAnswer::Failed)?;
    let connection = &mut asking.connection;
    let question = Message::GetFile { owner: inner.keys.node(), hashed };
    connection.send(&question).await.map_err(failed)?;
    let seal = match connection.receive().await.map_err(failed)? {
        Message::Found(seal) => seal,
        Message::NotFound => {
            asking.done();
            return Err(FetchAnswer::NotFound);
        }
        Message::Gone(tombstone) => {
            asking.done();
            return Err(match tombstone.is_authentic(&inner.keys, hashed) {
                true => FetchAnswer::Deleted(tombstone.version),
                false => FetchAnswer::Damaged,
            });
        }
        Message::Refused(refusal) => {
            asking.done();
            return Err(match refusal {
                Refusal::Rotten => FetchAnswer::Damaged,
                other => FetchAnswer::Failed(other.to_string()),
            });
        }
        other => return Err(FetchAnswer::Failed(format!("it answered a get with {}", other.name()))),
    };
    // Checked before the length is believed.
    if !seal.is_authentic(&inner.keys, hashed) {
        return Err(FetchAnswer::Damaged);
    }
    if seal.size > EAGER_BYTES_MAX {
        return Ok(Found { seal, body: Body::Waiting(Box::new(asking), Instant::now()) });
    }
    let len = seal.sealed_bytes();
    connection.receive_stream_header(len).await.map_err(failed)?;
    let mut bytes = vec![0; usize::try_from(len).expect("a small replica fits the memory")];
    connection.receive_bytes(&mut bytes).await.map_err(failed)?;
    asking.done();
    Ok(Found { seal, body: Body::Here(bytes) })
}

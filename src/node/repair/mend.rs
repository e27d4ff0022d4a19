//! Sending one peer what it lacks: a deletion, the local copy, or another peer's replica.

use std::rc::Rc;

use super::{compare, relay};
use crate::crypto::{Entry, HashedKey, Key, Tombstone};
use crate::node::errors::ReplicaError;
use crate::node::peers::Peer;
use crate::node::replicate;
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::{OwnRecord, StoreError};

/// What is current under a name.
enum Current {
    File(Key, Box<OwnRecord>),
    Deleted(Tombstone),
}

/// Sends what is current under the name of an entry. Where that has changed since, it is the next repair's.
pub(super) async fn send<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), String> {
    let hashed = entry.hashed;
    let current = inner.blocking(move |store| {
        if let Some(tombstone) = store.grave(hashed)? {
            return Ok(Some(Current::Deleted(tombstone)));
        }
        let Some(key) = store.key_of(hashed)? else { return Ok(None) };
        Ok(store.own(&key)?.map(|record| Current::File(key, Box::new(record))))
    });
    let current: Result<_, StoreError> = current.await;
    match current.map_err(|error| error.to_string())? {
        None => Ok(()),
        Some(Current::Deleted(tombstone)) => delete(inner, peer, hashed, tombstone).await,
        Some(Current::File(key, record)) => match replicate::send_again(inner, peer, &key, hashed, &record).await {
            Ok(()) => Ok(()),
            // What the peer does not take from here it takes from nobody, but for bytes that have gone bad on the way.
            Err(ReplicaError::Refused(refusal)) if refusal != Refusal::Damaged => Err(refusal.to_string()),
            Err(_) => relay::relay(inner, peer, hashed, &record).await,
        },
    }
}

/// Has a peer delete its replica and remember that.
pub(super) async fn delete<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    tombstone: Tombstone,
) -> Result<(), String> {
    match compare::ask(inner, peer, &Message::DeleteFile { hashed, tombstone }).await? {
        Message::Deleted => Ok(()),
        Message::Refused(refusal) => Err(refusal.to_string()),
        other => Err(format!("it answered a deletion with {}", other.name())),
    }
}

//! Sending one peer what it lacks: a deletion, the local copy, or another peer's replica.

use std::rc::Rc;

use super::{compare, relay};
use crate::crypto::{Entry, HashedKey, Key, Placement, Tombstone};
use crate::node::handle::errors::ReplicaError;
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
    match current(inner, hashed).await? {
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

async fn current<P: Platform>(inner: &Shared<P>, hashed: HashedKey) -> Result<Option<Current>, String> {
    let current = inner.blocking(move |store| {
        if let Some(tombstone) = store.grave(hashed)? {
            return Ok(Some(Current::Deleted(tombstone)));
        }
        let Some(key) = store.key_of(hashed)? else { return Ok(None) };
        Ok(store.own(&key)?.map(|record| Current::File(key, Box::new(record))))
    });
    let current: Result<_, StoreError> = current.await;
    current.map_err(|error| error.to_string())
}

/// Has a peer drop a replica that is placed on others, once each of those has verified that it holds the current
/// version. False where one does not, or cannot be asked: the peer then keeps what it has.
pub(super) async fn release<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    placement: &Placement,
    held: &Entry,
) -> Result<bool, String> {
    let hashed = held.hashed;
    let Some(Current::File(_, record)) = current(inner, hashed).await? else { return Ok(false) };
    for id in placement.of(hashed) {
        let Some(holder) = inner.peers.find(id).filter(|holder| holder.is_connected()) else { return Ok(false) };
        match compare::ask(inner, &holder, &Message::CheckFile { hashed }).await {
            Ok(Message::Checked { seal, .. }) if seal == record.seal => {}
            _ => return Ok(false),
        }
    }
    match compare::ask(inner, peer, &Message::ReleaseFile { hashed, version: held.version }).await? {
        Message::Released => Ok(true),
        Message::Refused(refusal) => Err(refusal.to_string()),
        other => Err(format!("it answered a release with {}", other.name())),
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

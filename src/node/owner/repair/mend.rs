//! Sends one peer what it lacks: a deletion, the local copy, or another peer's replica.

use std::rc::Rc;

use super::error::{RepairError, other_answer};
use super::relay;
use crate::crypto::{HashedKey, Key, Tombstone};
use crate::node::context::{Shared, Stream};
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::store::send_again;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::replication::{Entry, Placement};
use crate::store::{OwnRecord, StorageError};

/// What is current under one name.
enum Current {
    File(Key, Box<OwnRecord>),
    Deleted(Tombstone),
}

/// Sends a peer what is current under the name of an entry. Does nothing if that name is no longer known.
pub(super) async fn send<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), RepairError> {
    let hashed = entry.hashed;
    match current(context, hashed).await? {
        None => Ok(()),
        Some(Current::Deleted(tombstone)) => delete(context, peer, hashed, tombstone).await,
        Some(Current::File(key, record)) => match send_again(context, peer, &key, hashed, &record).await {
            Ok(()) => Ok(()),
            // A peer that refuses a replica from here refuses it from any node, unless the bytes went bad on the way.
            Err(ReplicaError::Refused(refusal)) if refusal != Refusal::Damaged => Err(RepairError::Refused(refusal)),
            Err(_) => relay::relay(context, peer, hashed, &record).await,
        },
    }
}

async fn current<P: Platform>(context: &Shared<P>, hashed: HashedKey) -> Result<Option<Current>, RepairError> {
    let current = context.blocking(move |store| {
        if let Some(tombstone) = store.tombstone(hashed)? {
            return Ok(Some(Current::Deleted(tombstone)));
        }
        let Some(key) = store.key_of(hashed)? else { return Ok(None) };
        Ok(store.own(&key)?.map(|record| Current::File(key, Box::new(record))))
    });
    let current: Result<_, StorageError> = current.await;
    Ok(current?)
}

/// Has a peer drop a replica that is placed on other peers, once each of those has verified that it holds the current
/// version. Returns false if one of them does not hold it, or cannot be asked: the peer then keeps its replica.
pub(super) async fn release<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    placement: &Placement,
    held: &Entry,
) -> Result<bool, RepairError> {
    let hashed = held.hashed;
    let Some(Current::File(_, record)) = current(context, hashed).await? else { return Ok(false) };
    for id in placement.of(hashed) {
        let Some(holder) = context.peers.find(id).filter(|holder| holder.is_connected()) else { return Ok(false) };
        match question(context, &holder, &Message::CheckFile { hashed }).await {
            Ok(Message::Checked { seal, .. }) if seal == record.seal => {}
            _ => return Ok(false),
        }
    }
    match question(context, peer, &Message::ReleaseFile { hashed, version: held.version }).await? {
        Message::Released => Ok(true),
        other => Err(other_answer("a release", other)),
    }
}

/// Has a peer delete its replica and remember the deletion.
pub(super) async fn delete<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    tombstone: Tombstone,
) -> Result<(), RepairError> {
    match question(context, peer, &Message::DeleteFile { hashed, tombstone }).await? {
        Message::Deleted => Ok(()),
        other => Err(other_answer("a deletion", other)),
    }
}

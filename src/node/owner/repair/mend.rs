//! Sends one peer what it lacks: a deletion, the local copy, or another peer's replica.

use std::rc::Rc;

use super::error::{RepairError, other_answer};
use super::relay;
use crate::crypto::{Key, ReplicaName, Tombstone};
use crate::limits::CHECK_BYTES_MAX;
use crate::node::context::{Shared, Stream};
use crate::node::handle::answers::Progress;
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::holders;
use crate::node::owner::store::{NotSent, send_again};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{AskError, question};
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
    let replica_name = entry.replica_name;
    match current(context, replica_name).await? {
        None => Ok(()),
        Some(Current::Deleted(tombstone)) => delete(context, peer, replica_name, tombstone).await,
        Some(Current::File(key, record)) => match send_again(context, peer, &key, replica_name, &record).await {
            Ok(()) => Ok(()),
            Err(NotSent::NoCopy | NotSent::Failed(ReplicaError::Refused(Refusal::Damaged))) => {
                relay::relay(context, peer, replica_name, &record).await
            }
            // A peer that refuses a replica from here, or does not take it, does the same to one from any other node.
            Err(NotSent::Failed(ReplicaError::Refused(refusal))) => Err(RepairError::Refused(refusal)),
            Err(NotSent::Failed(error)) => Err(error.into()),
        },
    }
}

/// Returns the length of the file that is current under a name, if there is one.
pub(super) async fn len<P: Platform>(
    context: &Shared<P>,
    replica_name: ReplicaName,
) -> Result<Option<u64>, RepairError> {
    let current = current(context, replica_name).await?;
    Ok(current.and_then(|current| match current {
        Current::File(_, record) => Some(record.seal.size),
        Current::Deleted(_) => None,
    }))
}

async fn current<P: Platform>(context: &Shared<P>, replica_name: ReplicaName) -> Result<Option<Current>, RepairError> {
    let current = context.with_keys(move |store, keys| {
        if let Some(tombstone) = store.proved_tombstone(keys, replica_name)? {
            return Ok(Some(Current::Deleted(tombstone)));
        }
        let Some(key) = store.key_of(replica_name)? else { return Ok(None) };
        Ok(store.proved(keys, &key)?.map(|record| Current::File(key, Box::new(record))))
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
    let replica_name = held.replica_name;
    let Some(Current::File(_, record)) = current(context, replica_name).await? else { return Ok(false) };
    let is_current =
        |answer: Result<Message, AskError>| matches!(answer, Ok(Message::Checked { seal, .. }) if seal == record.seal);
    // Of a peer that runs twice nobody knows which of the two answers.
    let is_one = |holder: &Rc<Peer<Stream<P>>>| holder.is_connected() && !holder.has_twin();
    let places = placement.of(replica_name).into_iter();
    let mut placed: Vec<_> =
        places.map(|id| context.peers.find(id).filter(is_one)).collect::<Option<_>>().unwrap_or_default();
    // Where a file is placed on nobody, nobody has proved to hold it.
    if placed.is_empty() {
        return Ok(false);
    }
    // A peer that lacks the file says so without a look at its disk, and a peer that has it compares all of it.
    placed.sort_by_key(|holder| holder.repair.progress() == Progress::Current);
    for holder in &placed {
        if !is_current(question(context, holder, &Message::CheckFile { replica_name }).await) {
            return Ok(false);
        }
    }
    // A check compares small replicas only. A large one is read once all others have said that they hold it.
    for holder in placed.iter().filter(|_| record.seal.size > CHECK_BYTES_MAX) {
        if !is_current(holders::verify(context, holder, replica_name, &record.seal).await) {
            return Ok(false);
        }
    }
    drop_held(context, peer, held).await.map(|()| true)
}

/// Has a peer drop what it holds, under this version and no other.
pub(super) async fn drop_held<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    held: &Entry,
) -> Result<(), RepairError> {
    let (replica_name, version) = (held.replica_name, held.version);
    match question(context, peer, &Message::ReleaseFile { replica_name, version }).await? {
        Message::Released => Ok(()),
        other => Err(other_answer("a release", other)),
    }
}

/// Has a peer delete its replica and remember the deletion.
pub(super) async fn delete<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    tombstone: Tombstone,
) -> Result<(), RepairError> {
    match question(context, peer, &Message::DeleteFile { replica_name, tombstone }).await? {
        Message::Deleted => Ok(()),
        other => Err(other_answer("a deletion", other)),
    }
}

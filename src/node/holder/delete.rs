//! Deletes a replica at its owner's request.

use super::quota;
use crate::crypto::{NodeId, ReplicaName, Tombstone};
use crate::event::Event;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::layout::BlobId;
use crate::store::{Change, Known, StorageError};

/// Deletes a replica at its owner's request, and remembers the deletion. Both are durable before the answer.
pub(super) async fn delete<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    tombstone: Tombstone,
) -> Message {
    let blob = BlobId::Held(owner, replica_name);
    let _locked = context.locks.lock(blob).await;
    let held = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let held = store.held(owner, replica_name)?;
        let has_room = held.is_some() || quota::has_room_for_tombstone(store.usage(owner)?);
        Ok((held, has_room))
    });
    let held: Result<_, StorageError> = held.await;
    match held {
        Ok((_, false)) => {
            return context.refuse(owner, Refusal::QuotaDeleted);
        }
        Ok((Some(held), _)) if held.version() > tombstone.version => {
            return Message::Refused(Refusal::Stale { held: held.version() });
        }
        Ok(_) => {}
        Err(error) => return context.refuse(owner, error),
    }
    let known = Known::Deleted(tombstone);
    match context.commit(Change::Held(owner, replica_name, Box::new(known))).await {
        Ok(true) => {}
        Ok(false) => return Message::Refused(Refusal::Stale { held: tombstone.version }),
        Err(error) => return context.perhaps(owner, &error),
    }
    match context.blocking(move |store| store.forget_blob(&blob)).await {
        Ok(()) => {
            context.tell(&Event::ReplicaDeleted { owner, replica: replica_name });
            Message::Deleted
        }
        Err(error) => context.perhaps(owner, &error),
    }
}

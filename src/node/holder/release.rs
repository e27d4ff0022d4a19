//! Drops a replica, or the memory of a deletion, that its owner has placed elsewhere or disowned.

use crate::crypto::{NodeId, ReplicaName, Version};
use crate::event::Event;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::layout::BlobId;
use crate::store::{Change, StorageError};

/// Stops holding a replica that its owner has placed elsewhere, or remembering a deletion after which the owner has
/// stored the file again and placed it elsewhere. The release is durable before the answer. The record goes first: what
/// a crash leaves of the bytes is no replica any more, and a scrub sets it aside.
pub(super) async fn release<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    version: Version,
) -> Message {
    let blob = BlobId::Held(owner, replica_name);
    let _locked = context.locks.lock(blob).await;
    let held = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        match store.held(owner, replica_name)? {
            Some(known) if known.version() == version => Ok(None),
            other => Ok(Some(other)),
        }
    });
    let held: Result<_, StorageError> = held.await;
    match held {
        Ok(None) => {}
        Ok(Some(None)) => return Message::Released,
        Ok(Some(Some(held))) => return Message::Refused(Refusal::Stale { held: held.version() }),
        Err(error) => return context.refuse(owner, error),
    }
    let released = match context.commit(Change::Lost(owner, replica_name)).await {
        Ok(_) => context.blocking(move |store| store.remove_blob(&blob)).await,
        Err(error) => Err(error),
    };
    match released {
        Ok(_) => {
            context.tell(&Event::ReplicaReleased { owner, replica: replica_name });
            Message::Released
        }
        Err(error) => context.perhaps(owner, &error),
    }
}

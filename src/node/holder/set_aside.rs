//! Sets damaged replicas aside.

use crate::crypto::{NodeId, ReplicaName};
use crate::event::Event;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::store::Change;
use crate::store::layout::BlobId;

/// Stops holding a damaged replica: its owner sees at the next heartbeat that it is missing, and sends it again. The
/// caller holds the lock of the replica. Returns whether anything of it was there, as it may have been if the disk does
/// not say; `None` if the replica is still held, because the disk fails.
pub(in crate::node) async fn set_aside<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Option<bool> {
    // If the disk fails, the replica stays listed, and the next look at it tries again.
    context.commit(Change::Lost(owner, replica_name)).await.ok()?;
    let blob = BlobId::Held(owner, replica_name);
    let was_there = context.blocking(move |store| store.set_aside(&blob)).await.unwrap_or(true);
    context.tell(&Event::ReplicaSetAside { owner, replica: replica_name, is_gone: !was_there });
    Some(was_there)
}

//! Sets damaged replicas aside.

use crate::crypto::{NodeId, ReplicaName};
use crate::event::Event;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::store::Change;
use crate::store::layout::BlobId;

/// Stops holding a damaged replica: its owner sees at the next heartbeat that it is missing, and sends it again. The
/// caller holds the lock of the replica.
pub(in crate::node) async fn set_aside<P: Platform>(context: &Context<P>, owner: NodeId, replica_name: ReplicaName) {
    // If the disk fails, the replica stays listed, and the next look at it tries again.
    if context.commit(Change::Lost(owner, replica_name)).await.is_ok() {
        let blob = BlobId::Held(owner, replica_name);
        drop(context.blocking(move |store| store.set_aside(&blob)).await);
        context.tell(&Event::ReplicaSetAside { owner, replica: replica_name });
    }
}

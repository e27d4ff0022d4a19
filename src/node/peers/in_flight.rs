//! The replicas that a store is sending to peers. Repair leaves these replicas alone.

use crate::crypto::{NodeId, ReplicaName};
use crate::node::tally::{Tallied, Tally};

/// Replicas in flight, by peer and name.
#[derive(Default)]
pub(in crate::node) struct InFlight {
    counts: Tally<(NodeId, ReplicaName), usize>,
}

impl InFlight {
    /// Counts one replica until the returned guard is dropped.
    pub(in crate::node) fn add(
        &self,
        peer: NodeId,
        replica_name: ReplicaName,
    ) -> Tallied<(NodeId, ReplicaName), usize> {
        self.counts.add((peer, replica_name), 1)
    }

    pub(in crate::node) fn has(&self, peer: NodeId, replica_name: ReplicaName) -> bool {
        self.counts.sum((peer, replica_name)) > 0
    }
}

//! The replicas that a store is sending to peers. Repair leaves these replicas alone.

use crate::crypto::{HashedKey, NodeId};
use crate::node::tally::{Tallied, Tally};

/// Replicas in flight, by peer and name.
#[derive(Default)]
pub(in crate::node) struct InFlight {
    counts: Tally<(NodeId, HashedKey), usize>,
}

impl InFlight {
    /// Counts one replica until the returned guard is dropped.
    pub(in crate::node) fn add(&self, peer: NodeId, hashed: HashedKey) -> Tallied<(NodeId, HashedKey), usize> {
        self.counts.add((peer, hashed), 1)
    }

    pub(in crate::node) fn has(&self, peer: NodeId, hashed: HashedKey) -> bool {
        self.counts.sum((peer, hashed)) > 0
    }
}

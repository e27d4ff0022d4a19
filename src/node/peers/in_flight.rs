//! The replicas that are on their way to peers with a store of their own. Repair leaves them alone.

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

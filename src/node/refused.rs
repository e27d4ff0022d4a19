//! How often each node asked for what it may not have.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::crypto::NodeId;
use crate::limits::PEERS_MAX;

/// Requests that were refused because who made them may not, by node.
#[derive(Default)]
pub(super) struct Refused {
    counts: RefCell<BTreeMap<NodeId, u64>>,
}

impl Refused {
    /// One more; so many were. Where there is no room, those are forgotten who asked least.
    pub(super) fn count(&self, id: NodeId) -> u64 {
        let mut counts = self.counts.borrow_mut();
        if counts.len() >= PEERS_MAX && !counts.contains_key(&id) {
            let least = counts.values().copied().min().unwrap_or(0);
            counts.retain(|_, count| *count > least);
        }
        let count = counts.entry(id).or_insert(0);
        *count += 1;
        *count
    }

    /// So many requests of a node.
    pub(super) fn of(&self, id: NodeId) -> u64 {
        self.counts.borrow().get(&id).copied().unwrap_or(0)
    }
}

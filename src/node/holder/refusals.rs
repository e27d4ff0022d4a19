//! Counts how often each node asked for what it may not have.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::PEERS_MAX;
use crate::protocol::Refusal;

/// How many requests were refused because the asking node had no right to them, by node.
#[derive(Default)]
pub(in crate::node) struct Refusals {
    /// Whether the last replica found no room on the disk.
    is_full: Cell<bool>,
    counts: RefCell<BTreeMap<NodeId, u64>>,
}

impl Refusals {
    /// Counts a refusal if the peer asked for what it may not have. Returns an event for the first refusal, and then
    /// less and less often, so that a peer that asks again and again does not fill the log.
    pub(super) fn note(&self, peer: NodeId, refusal: &Refusal) -> Option<Event> {
        if *refusal == Refusal::DiskFull {
            return (!self.is_full.replace(true)).then_some(Event::DiskFilled { peer });
        }
        use Refusal::{NotOwner, QuotaBytes, QuotaDeleted, QuotaFiles};
        if !matches!(refusal, NotOwner | QuotaBytes { .. } | QuotaFiles { .. } | QuotaDeleted) {
            return None;
        }
        let count = self.count(peer);
        count.is_power_of_two().then(|| Event::RequestRefused { peer, reason: refusal.to_string(), count })
    }

    /// Notes that a replica found room. The next one that finds none is told again.
    pub(super) fn note_room(&self) {
        self.is_full.set(false);
    }

    /// Counts one more refusal and returns the total. When the table is full, the nodes refused least are forgotten.
    fn count(&self, id: NodeId) -> u64 {
        let mut counts = self.counts.borrow_mut();
        if counts.len() >= PEERS_MAX && !counts.contains_key(&id) {
            let least = counts.values().copied().min().unwrap_or(0);
            counts.retain(|_, count| *count > least);
        }
        let count = counts.entry(id).or_insert(0);
        *count += 1;
        *count
    }

    /// Returns how many requests of a node were refused.
    pub(in crate::node) fn of(&self, id: NodeId) -> u64 {
        self.counts.borrow().get(&id).copied().unwrap_or(0)
    }
}

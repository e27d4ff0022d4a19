//! Counts how often each node asked for what it may not have.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::PEERS_MAX;
use crate::protocol::Refusal;
use crate::store::StorageError;

/// How many requests were refused because the asking node had no right to them, by node.
#[derive(Default)]
pub(in crate::node) struct Refusals {
    /// Whether the last replica found no room on the disk.
    is_full: Cell<bool>,
    /// Whether the disk has failed since the last replica was kept.
    has_failed: Cell<bool>,
    counts: RefCell<BTreeMap<NodeId, u64>>,
}

impl Refusals {
    /// Counts a refusal if the peer asked for what it may not have. Returns an event for the first refusal, and then
    /// less and less often, so that a peer that asks again and again does not fill the log.
    pub(super) fn note(&self, peer: NodeId, refusal: &Refusal) -> Option<Event> {
        use Refusal::{NotOwner, QuotaBytes, QuotaDeleted, QuotaFiles};
        if !matches!(refusal, NotOwner | QuotaBytes { .. } | QuotaFiles { .. } | QuotaDeleted) {
            return None;
        }
        let count = self.count(peer);
        count.is_power_of_two().then(|| Event::RequestRefused { peer, reason: refusal.to_string(), count })
    }

    /// Notes that the disk has failed. Returns an event for the first failure of each kind since a replica was kept.
    pub(super) fn note_failure(&self, peer: NodeId, error: &StorageError) -> Option<Event> {
        match error.is_full() {
            true => (!self.is_full.replace(true)).then_some(Event::DiskFilled { peer }),
            false => (!self.has_failed.replace(true)).then(|| Event::DiskFailed { peer, reason: error.to_string() }),
        }
    }

    /// Notes that a replica was kept. The next failure is told again.
    pub(super) fn note_kept(&self) {
        self.is_full.set(false);
        self.has_failed.set(false);
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::disk::DiskPath;

    fn peer(number: usize) -> NodeId {
        let mut id = NodeId([0; 32]);
        id.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
        id
    }

    #[test]
    fn a_peer_that_asks_again_and_again_is_told_of_ever_more_seldom() {
        let refusals = Refusals::default();
        let told = (1..=20).filter(|_| refusals.note(peer(1), &Refusal::NotOwner).is_some()).count();
        assert_eq!((told, refusals.of(peer(1)), refusals.of(peer(2))), (5, 20, 0), "at 1, 2, 4, 8 and 16");
        assert!(refusals.note(peer(2), &Refusal::QuotaFiles { max: 1 }).is_some());
        assert!(refusals.note(peer(2), &Refusal::Unexpected).is_none(), "it asked for nothing that it may not have");
        assert_eq!(refusals.of(peer(2)), 1);
    }

    #[test]
    fn a_disk_that_fails_is_told_once_until_it_has_kept_a_replica() {
        let refusals = Refusals::default();
        let failed = |kind: ErrorKind| {
            let error = StorageError::Disk { operation: "write", path: DiskPath::root(), source: kind.into() };
            refusals.note_failure(peer(1), &error)
        };
        for _ in 0..2 {
            let told = [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::Other].map(failed);
            assert!(matches!(told, [Some(Event::DiskFilled { .. }), Some(Event::DiskFailed { .. }), None, None]));
            refusals.note_kept();
        }
        assert_eq!(refusals.of(peer(1)), 0, "it is not the peer's doing");
    }

    #[test]
    fn a_full_table_forgets_those_who_were_refused_least() {
        let refusals = Refusals::default();
        for number in 0..PEERS_MAX {
            let times = if number < 3 { 1 } else { 2 };
            (0..times).for_each(|_| drop(refusals.note(peer(number), &Refusal::NotOwner)));
        }
        refusals.note(peer(5), &Refusal::NotOwner);
        assert_eq!(refusals.of(peer(0)), 1, "one that is in the table takes no room");
        refusals.note(peer(PEERS_MAX), &Refusal::NotOwner);
        assert_eq!((refusals.of(peer(0)), refusals.of(peer(2)), refusals.of(peer(3))), (0, 0, 2));
        assert_eq!((refusals.of(peer(5)), refusals.of(peer(PEERS_MAX))), (3, 1));
    }
}

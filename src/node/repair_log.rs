//! What the repairs of the peers have come to: how many steps they have done, and what peers list of this node's files
//! and could not give. A peer that finds a replica damaged lists it no longer, so nobody else would know of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::crypto::{NameCount, NodeId, ReplicaName, Version};
use crate::limits::UNLEARNT_MAX;
use crate::replication::Entry;

/// The log of the repairs since the start of the node.
#[derive(Default)]
pub(super) struct RepairLog {
    steps: Cell<u64>,
    unlearnt: RefCell<BTreeMap<(ReplicaName, NodeId), (Version, String)>>,
    /// Entries for which there was no room.
    beyond: Cell<u64>,
    /// The newest count of this node's names that a peer has.
    count: Cell<Option<NameCount>>,
}

impl RepairLog {
    /// Counts a file or a deletion that was sent, learnt or released.
    pub(super) fn note_step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    /// Notes that an entry was learnt, from whichever peer.
    pub(super) fn note_learnt(&self, entry: &Entry) {
        let name = entry.replica_name;
        let mut unlearnt = self.unlearnt.borrow_mut();
        let of_name = unlearnt.range((name, NodeId([0; 32]))..=(name, NodeId([0xff; 32])));
        let learnt: Vec<_> =
            of_name.filter(|(_, (version, _))| *version <= entry.version).map(|(key, _)| *key).collect();
        learnt.iter().for_each(|key| drop(unlearnt.remove(key)));
    }

    /// Notes that a peer lists an entry, and that it could not be learnt from there.
    pub(super) fn note_unlearnt(&self, peer: NodeId, entry: &Entry, reason: String) {
        let mut unlearnt = self.unlearnt.borrow_mut();
        let key = (entry.replica_name, peer);
        if unlearnt.len() < UNLEARNT_MAX || unlearnt.contains_key(&key) {
            unlearnt.insert(key, (entry.version, reason));
        } else {
            self.beyond.set(self.beyond.get() + 1);
        }
    }

    /// Notes how many names this node had by its own word, as a peer has kept it.
    pub(super) fn note_count(&self, count: NameCount) {
        if self.count.get().is_none_or(|known| known.version < count.version) {
            self.count.set(Some(count));
        }
    }

    /// Returns how many names this node had by the newest count that a peer has kept.
    pub(super) fn names(&self) -> Option<u64> {
        self.count.get().map(|count| count.names)
    }

    /// Returns how many steps have been counted.
    pub(super) fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Returns what peers list and could not give, and how often there was no room to note it.
    pub(super) fn unlearnt(&self) -> (Vec<(ReplicaName, NodeId, Version, String)>, u64) {
        let all = self.unlearnt.borrow();
        let all = all.iter().map(|((name, peer), (version, reason))| (*name, *peer, *version, reason.clone()));
        (all.collect(), self.beyond.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: u8, version: u64) -> Entry {
        Entry { replica_name: ReplicaName([name; 16]), version: Version(version), mark: [1; 8] }
    }

    #[test]
    fn what_was_learnt_from_another_peer_is_not_missing() {
        let log = RepairLog::default();
        let [first, second] = [NodeId([1; 32]), NodeId([2; 32])];
        log.note_unlearnt(first, &entry(1, 5), "damaged".to_owned());
        log.note_unlearnt(second, &entry(1, 4), "damaged".to_owned());
        log.note_unlearnt(first, &entry(2, 3), "damaged".to_owned());
        log.note_learnt(&entry(2, 3));
        log.note_learnt(&entry(1, 4));
        let left = vec![(ReplicaName([1; 16]), first, Version(5), "damaged".to_owned())];
        assert_eq!((log.unlearnt(), log.steps()), ((left, 0), 0), "a newer version is still missing");
    }

    #[test]
    fn a_peer_that_invents_entries_fills_a_bounded_log() {
        let log = RepairLog::default();
        for number in 0..u32::try_from(UNLEARNT_MAX + 5).expect("bounded") {
            let mut name = [0; 16];
            name[..4].copy_from_slice(&number.to_le_bytes());
            let entry = Entry { replica_name: ReplicaName(name), version: Version(1), mark: [1; 8] };
            log.note_unlearnt(NodeId([1; 32]), &entry, String::new());
        }
        let (unlearnt, beyond) = log.unlearnt();
        assert_eq!((unlearnt.len(), beyond), (UNLEARNT_MAX, 5));
    }
}

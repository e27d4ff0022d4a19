//! What is known of the disks of hosts: which were copied and put back, which lost their catalog, and what calls may be
//! forgotten with them.

use std::collections::BTreeMap;

use dacapo::event::Event;

use super::{Clients, Seen};
use crate::host::Host;
use crate::store::history::{HistoryEntry, Outcome};

impl Clients {
    pub(in crate::store) fn copied(&self, host: Host) {
        let moment = self.begin();
        let mut seen = self.seen.borrow_mut();
        seen.first_copies.entry(host).or_insert(moment);
        // A start that came upon damage, and lost nothing by it, leaves an entry that a later copy is not to miss.
        let copied = seen.copied.entry(host).or_insert((moment, None));
        copied.0 = copied.0.min(moment);
    }

    /// Notes that a copy was put back: what the host did since the copy was made is known to its peers alone.
    pub(in crate::store) fn restored(&self, host: Host, is_same_node: bool) {
        if !is_same_node {
            self.seen.borrow_mut().reborn.insert(host);
        }
        self.seen.borrow_mut().put_back.insert(host, 0);
        self.quotas.disk_put_back(host);
        self.lose(host, true);
    }

    /// Notes that a file of a host was damaged.
    pub(in crate::store) fn file_damaged(&self, host: Host) {
        let moment = self.begin();
        self.seen.borrow_mut().last_damage.insert(host, moment);
    }

    /// Whether a file of a host was damaged after a moment.
    pub(in crate::store) fn was_damaged_since(&self, host: Host, moment: u64) -> bool {
        self.seen.borrow().last_damage.get(&host).is_some_and(|last| *last > moment)
    }

    /// Notes that the catalog of a host was damaged: what the host did until its next start may be known to its peers
    /// alone.
    pub(in crate::store) fn catalog_damaged(&self, host: Host) {
        let mut seen = self.seen.borrow_mut();
        seen.copied.insert(host, (0, None));
        seen.damaged.insert(host);
        seen.ever_damaged.insert(host);
        drop(seen);
        self.lose(host, false);
    }

    /// Notes that a host has lost its power. If its catalog is damaged before the next start, nobody can tell what of
    /// the last commit has rotted from what has gone with the power: the commit before may count again, and the node
    /// says nothing.
    pub(in crate::store) fn lost_power(&self, host: Host) {
        self.seen.borrow_mut().torn.insert(host);
    }

    /// Notes what the node of a host has told. Returns whether it is about a file that the node knew already.
    pub(in crate::store) fn notice(&self, host: Host, event: &Event) -> bool {
        let moment = self.begin();
        let was_known = self.noticed.borrow_mut().note(host, event, moment);
        // It may come upon the damage long after its start.
        if matches!(event, Event::CatalogLost | Event::CatalogDamaged { .. }) && self.was_damaged(host) {
            self.seen.borrow_mut().copied.insert(host, (0, None));
            self.lose(host, false);
        }
        was_known
    }

    /// Notes that the node of a host has opened its catalog. If the catalog was damaged before, and the node has not
    /// told so, nothing is lost but perhaps the last commit.
    pub(super) fn has_opened(&self, host: Host) {
        let mut seen = self.seen.borrow_mut();
        let is_torn = seen.torn.remove(&host);
        if !seen.renewing.remove(&host) {
            return;
        }
        if self.noticed.borrow().has_told_damage(host) || seen.put_back.contains_key(&host) {
            drop(seen);
            // What was stored since the damage may have gone into a file that has no name any more.
            self.lose(host, false);
            return;
        }
        let kept = if is_torn { seen.before_the_last_commit(host) } else { u64::MAX };
        // The copy that may be put back was perhaps made before this start.
        let copied = seen.first_copies.get(&host).copied().unwrap_or(u64::MAX);
        seen.copied.insert(host, (kept.min(copied), None));
        seen.history
            .iter_mut()
            .filter(|entry| entry.host == host)
            .for_each(|entry| entry.is_lost &= entry.end() > kept);
        drop(seen);
        if kept < u64::MAX {
            self.lose(host, false);
        }
    }

    /// Notes that a host has another disk, with nothing on it but the identity of its node.
    pub(in crate::store) fn disk_replaced(&self, host: Host) {
        let mut seen = self.seen.borrow_mut();
        seen.copied.insert(host, (0, None));
        seen.damaged.remove(&host);
        drop(seen);
        self.restored(host, true);
    }

    /// Whether the catalog of a host was ever damaged.
    pub(in crate::store) fn was_damaged(&self, host: Host) -> bool {
        self.seen.borrow().ever_damaged.contains(&host)
    }

    /// Whether the node of a host has ever made a catalog in the place of another one, or may have.
    pub(in crate::store) fn was_made_anew(&self, host: Host) -> bool {
        self.was_damaged(host) || self.noticed.borrow().has_told_damage(host)
    }

    /// Returns the hosts whose catalog was damaged since their last start began.
    pub(in crate::store) fn damaged(&self) -> Vec<Host> {
        self.seen.borrow().damaged.iter().copied().collect()
    }

    /// Notes that what a host did since the moment of its first copy is lost on its disk. If only its catalog is, it
    /// knows its members still.
    pub(super) fn lose(&self, host: Host, is_whole: bool) {
        let moment = self.begin();
        let mut seen = self.seen.borrow_mut();
        let copied = seen.copied.entry(host).or_insert((moment, None));
        copied.1 = Some(moment);
        let from = copied.0;
        for entry in seen.history.iter_mut().filter(|entry| entry.host == host && entry.end() > from) {
            entry.is_lost |= is_whole || entry.call.member().is_none();
        }
    }

    /// Whether what a host had on its disk at some moment of a call may have gone when a copy was put back. That is so
    /// too if the copy was put back while the answer to the call was on its way.
    pub(in crate::store) fn may_be_lost(&self, host: Host, call: &HistoryEntry) -> bool {
        let seen = self.seen.borrow();
        let Some((from, Some(until))) = seen.copied.get(&host) else { return false };
        let is_before = call.begun < *until || seen.is_damaged(host);
        is_before && call.ended.as_ref().is_none_or(|(ended, _)| ended > from)
    }

    /// Whether the disk of a host was put back, its node was started on it, and was started again since.
    pub(in crate::store) fn was_started_again(&self, host: Host) -> bool {
        self.seen.borrow().put_back.get(&host).is_some_and(|starts| *starts > 1)
    }

    /// Whether a call was made after the whole disk of its host was put back last, and the catalog is the one that was
    /// put back.
    pub(in crate::store) fn is_of_last_life(&self, call: &HistoryEntry) -> bool {
        let seen = self.seen.borrow();
        let put_back = seen.copied.get(&call.host).and_then(|(_, until)| *until);
        seen.put_back.contains_key(&call.host)
            && put_back.is_some_and(|put_back| call.begun > put_back)
            && !seen.reborn.contains(&call.host)
            && !self.noticed.borrow().has_told_damage(call.host)
    }

    /// Whether the whole disk of a host was put back from a copy.
    pub(in crate::store) fn was_put_back(&self, host: Host) -> bool {
        self.seen.borrow().put_back.contains_key(&host)
    }

    /// Whether the disk of a host has forgotten something: a copy was put back, or the catalog was damaged.
    pub(in crate::store) fn was_restored(&self, host: Host) -> bool {
        self.seen.borrow().copied.get(&host).is_some_and(|(_, until)| until.is_some())
    }

    /// Whether a host runs another node than before, which knows nothing of what the node before it stored.
    pub(in crate::store) fn is_reborn(&self, host: Host) -> bool {
        self.seen.borrow().reborn.contains(&host)
    }
}

impl Seen {
    /// Returns a moment before the last commit of a host that a call has waited for. It was that of the last call which
    /// changed something, there or on another host, and of those that were made together with this call.
    fn before_the_last_commit(&self, host: Host) -> u64 {
        let damage = self.last_damage.get(&host).copied().unwrap_or_default();
        let is_change = |entry: &&HistoryEntry| entry.outcome().is_some_and(Outcome::is_change);
        let ended = self.history.iter().filter(|entry| entry.end() < damage).filter(is_change);
        let mut last = BTreeMap::<Host, &HistoryEntry>::new();
        for entry in ended {
            let of_host = last.entry(entry.host).or_insert(entry);
            if of_host.end() < entry.end() {
                *of_host = entry;
            }
        }
        last.values().map(|entry| entry.begun).min().unwrap_or_default()
    }

    /// Whether the catalog of a host is damaged, or was when the host began to start.
    pub(super) fn is_damaged(&self, host: Host) -> bool {
        self.damaged.contains(&host) || self.renewing.contains(&host)
    }
}

//! Decides when a peer is repaired next, and notes how far its replicas are current.

use std::cell::{Cell, RefCell};

use tokio::time::Instant;

use crate::crypto::{ReplicaName, Version};
use crate::limits::{REFUSED_RETRY_MAX, REPAIR_RETRY_MAX, REPAIR_RETRY_MIN};
use crate::node::handle::answers::{Progress, Refusing};
use crate::replication::Print;

/// The schedule of the repairs of one peer.
pub(in crate::node) struct RepairSchedule {
    progress: Cell<Progress>,
    /// Whether the peer was compared with the catalog, and held nothing that it does not know.
    is_compared: Cell<bool>,
    /// What the peer did not take of all that it lacked when it was last repaired.
    refusing: RefCell<Option<Refusing>>,
    /// What it has refused, if that was all that there was to do.
    refused: Cell<Option<Refused>>,
    /// How many names of this node the peer was told to keep in mind.
    told_names: Cell<Option<u64>>,
    /// The version up to which the peer knows every deletion of this node's files.
    knows_deletions: Cell<Option<Version>>,
    /// The version up to which no deletion has become known here since the last repair began; it may have missed one
    /// above that.
    misses_none_up_to: Cell<Version>,
    /// How often the peer has connected, and how often it had when the last repair began. What a repair finds out
    /// counts only until the peer connects again.
    connects: Cell<u64>,
    began_at: Cell<u64>,
    is_running: Cell<bool>,
    failures: Cell<u32>,
    not_before: Cell<Option<Instant>>,
    /// Whether the peer keeps a replica until others hold the file.
    keeps: Cell<bool>,
    /// Whether another peer has come to hold more since the last repair began.
    others_hold_more: Cell<bool>,
    /// The name at which the last repair ended early. The next one begins behind it.
    ended_at: Cell<Option<ReplicaName>>,
}

/// A repair in which a peer's quota had room for nothing.
#[derive(Clone, Copy)]
struct Refused {
    /// What the peer held, and what was current for it.
    prints: (Print, Print),
    /// How many such repairs there were before, with the same prints.
    times: u32,
    until: Instant,
}

impl Default for RepairSchedule {
    fn default() -> Self {
        Self {
            progress: Cell::new(Progress::Unknown),
            is_compared: Cell::default(),
            refusing: RefCell::default(),
            refused: Cell::default(),
            told_names: Cell::default(),
            knows_deletions: Cell::default(),
            misses_none_up_to: Cell::new(Version(u64::MAX)),
            connects: Cell::default(),
            began_at: Cell::default(),
            is_running: Cell::default(),
            failures: Cell::default(),
            not_before: Cell::default(),
            keeps: Cell::default(),
            others_hold_more: Cell::default(),
            ended_at: Cell::default(),
        }
    }
}

impl RepairSchedule {
    pub(in crate::node) fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// Notes what the repair that is running has found out of the peer.
    pub(in crate::node) fn set_progress(&self, progress: Progress) {
        if self.is_same_connection() {
            self.progress.set(progress);
        }
    }

    /// Whether the peer has held nothing unknown when it was last compared since it connected.
    pub(in crate::node) fn is_compared(&self) -> bool {
        self.is_compared.get()
    }

    /// Notes whether the catalog knows all that the peer holds, by the repair that is running.
    pub(in crate::node) fn set_compared(&self, is_known: bool) {
        if self.is_same_connection() {
            self.is_compared.set(is_known);
        }
    }

    /// Returns what the peer did not take in its last repair since it connected.
    pub(in crate::node) fn refusing(&self) -> Option<Refusing> {
        self.refusing.borrow().clone()
    }

    /// Notes what the peer does not take in the repair that is running.
    pub(in crate::node) fn set_refusing(&self, refusing: Option<Refusing>) {
        if self.is_same_connection() {
            self.refusing.replace(refusing);
        }
    }

    /// Whether the peer would refuse all that it lacks once more: neither side holds anything else since it did, and
    /// that is not long ago.
    pub(in crate::node) fn is_refused(&self, prints: (Print, Print)) -> bool {
        self.refused.get().is_some_and(|refused| refused.prints == prints && refused.until > Instant::now())
    }

    /// Notes what the peer held, and what was current for it, if the repair that is running had nothing to do but to
    /// offer what the peer's quota has no room for.
    pub(in crate::node) fn set_refused(&self, prints: Option<(Print, Print)>) {
        let before = self.refused.get();
        let refused = prints.filter(|_| self.is_same_connection()).map(|prints| {
            let times = before.filter(|before| before.prints == prints).map_or(0, |before| before.times + 1);
            let wait = REPAIR_RETRY_MAX.saturating_mul(1 << times.min(16)).min(REFUSED_RETRY_MAX);
            Refused { prints, times, until: Instant::now() + wait }
        });
        self.refused.set(refused);
    }

    /// Returns the name at which the last repair ended early, if it did.
    pub(in crate::node) fn ended_at(&self) -> Option<ReplicaName> {
        self.ended_at.get()
    }

    /// Notes the name at which a repair ends early, or that it came to its end.
    pub(in crate::node) fn set_ended_at(&self, name: Option<ReplicaName>) {
        self.ended_at.set(name);
    }

    /// Returns how many names the peer was told of since it connected.
    pub(in crate::node) fn told_names(&self) -> Option<u64> {
        self.told_names.get()
    }

    /// Notes that the repair that is running has told the peer of so many names.
    pub(in crate::node) fn set_told_names(&self, names: u64) {
        if self.is_same_connection() {
            self.told_names.set(Some(names));
        }
    }

    /// Whether the peer has not connected again since the last repair began.
    fn is_same_connection(&self) -> bool {
        self.began_at == self.connects
    }

    /// Returns the version up to which the peer has known every deletion since it connected.
    pub(in crate::node) fn knows_deletions(&self) -> Option<Version> {
        self.knows_deletions.get()
    }

    /// Notes up to which version the peer knows every deletion, by the repair that is running.
    pub(in crate::node) fn set_knows_deletions(&self, up_to: Option<Version>) {
        if self.is_same_connection() {
            self.knows_deletions.set(up_to.map(|up_to| up_to.min(self.misses_none_up_to.get())));
        }
    }

    /// Notes that there is a deletion which the peer may not know, and a repair that is running may not have seen.
    pub(super) fn note_deletion(&self, version: Version) {
        let below = Version(version.0.saturating_sub(1));
        self.knows_deletions.set(self.knows_deletions.get().map(|known| known.min(below)));
        self.misses_none_up_to.set(self.misses_none_up_to.get().min(below));
    }

    /// Forgets what was known of the peer. A peer that has just connected may have a new disk, or its old one back.
    pub(super) fn begin_anew(&self) {
        self.progress.set(Progress::Unknown);
        self.is_compared.set(false);
        self.refusing.replace(None);
        self.refused.set(None);
        self.told_names.set(None);
        self.knows_deletions.set(None);
        self.connects.set(self.connects.get() + 1);
        self.failures.set(0);
        self.not_before.set(None);
    }

    /// Begins a repair if it is time for one and none is running. Returns whether it does.
    pub(in crate::node) fn begin(&self) -> bool {
        let is_due = self.not_before.get().is_none_or(|not_before| not_before <= Instant::now());
        let begins = is_due && !self.is_running.replace(true);
        if begins {
            self.began_at.set(self.connects.get());
            self.misses_none_up_to.set(Version(u64::MAX));
            self.others_hold_more.set(false);
        }
        begins
    }

    /// Ends a repair. The wait for the next one doubles with each in a row that has failed and mended nothing.
    pub(in crate::node) fn end(&self, has_failed: bool, has_mended: bool) {
        self.is_running.set(false);
        let failures = match (has_failed, has_mended) {
            (true, false) => self.failures.get().saturating_add(1),
            (true, true) => 1,
            (false, _) => 0,
        };
        self.failures.set(failures);
        let wait = REPAIR_RETRY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(REPAIR_RETRY_MAX);
        self.not_before.set(has_failed.then(|| Instant::now() + wait));
        self.look_at_others();
    }

    /// Notes whether the peer keeps a replica until others hold the file.
    pub(in crate::node) fn set_keeps(&self, keeps: bool) {
        self.keeps.set(keeps);
    }

    /// Notes that another peer holds more than before. What the peer keeps for it may be dropped now.
    pub(in crate::node) fn hear_of_other(&self) {
        self.others_hold_more.set(true);
        self.look_at_others();
    }

    fn look_at_others(&self) {
        if self.keeps.get() && self.others_hold_more.get() {
            self.failures.set(0);
            self.not_before.set(None);
        }
    }
}

#[cfg(test)]
mod tests;

//! The count of what one repair did.

use super::error::RepairError;
use crate::limits::{DISK_REFUSALS_MAX, QUOTA_REFUSALS_MAX};
use crate::protocol::Refusal;

/// How one file was mended, or that it was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mended {
    /// The peer has received what it lacked.
    Sent,
    /// The own catalog knows what only the peer knew.
    Learnt,
    /// The peer has dropped a replica that is placed on others.
    Released,
    /// The peer keeps such a replica until all others hold the file.
    Kept,
}

/// How many files of one repair ended in which way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Replicas and deletions that the peer lacked and has received.
    pub(super) sent: usize,
    /// Files of which the peer knew more than the own catalog.
    pub(super) learnt: usize,
    /// Replicas that the peer dropped, because other peers hold the file.
    pub(super) released: usize,
    /// Replicas that the peer keeps until all peers that are to hold the file do so.
    pub(super) kept: usize,
    /// Files that could not be mended.
    pub(super) failed: usize,
    /// Those of them that the peer did not take.
    pub(super) refused: usize,
    /// Why it did not take the last one.
    pub(super) refusal: Option<Refusal>,
    /// Those of them for which its quota has no room.
    pub(super) over_quota: usize,
    /// How many in a row it did not take because of its disk.
    pub(super) disk_refusals: usize,
    /// How many in a row it did not take because of its quota.
    pub(super) quota_refusals: usize,
    /// Files that are left for the next repair, because something else is under way with them.
    pub(super) left_out: usize,
    /// Files of which the peer still knows more than the own catalog.
    pub(super) unlearnt: usize,
    /// Deletions that the peer may not know of.
    pub(super) untold: usize,
    /// Those of the failed ones that the peer claims to have and cannot prove.
    pub(super) unproven: usize,
}

impl Done {
    /// Whether a peer that holds the same says the same: all that it lacks is over its quota, and nothing else was to
    /// be done.
    pub(super) fn is_all_over_quota(&self) -> bool {
        let others = self.sent + self.learnt + self.released + self.kept + self.left_out;
        self.over_quota > 0 && self.over_quota == self.failed && others == 0
    }

    /// Whether the peer takes nothing, because of its disk or its quota, and is to be offered no more.
    pub(super) fn is_offered_enough(&self) -> bool {
        self.disk_refusals >= DISK_REFUSALS_MAX || self.quota_refusals >= QUOTA_REFUSALS_MAX
    }

    /// Counts a file that such a peer is not offered.
    pub(super) fn note_not_offered(&mut self) {
        self.failed += 1;
        self.refused += 1;
        self.over_quota += usize::from(self.quota_refusals >= QUOTA_REFUSALS_MAX);
    }

    /// Counts a file that was mended; if the peer has taken its bytes, it may take others.
    pub(super) fn note(&mut self, mended: Mended, has_taken: bool) {
        if has_taken {
            self.disk_refusals = 0;
            self.quota_refusals = 0;
        }
        *match mended {
            Mended::Sent => &mut self.sent,
            Mended::Learnt => &mut self.learnt,
            Mended::Released => &mut self.released,
            Mended::Kept => &mut self.kept,
        } += 1;
    }

    /// Counts a file that is left for the next repair.
    pub(super) fn note_left_out(&mut self, is_to_learn: bool, is_deletion: bool) {
        self.left_out += 1;
        self.unlearnt += usize::from(is_to_learn);
        self.untold += usize::from(is_deletion && !is_to_learn);
    }

    /// Counts a file that could not be mended.
    pub(super) fn note_failure(&mut self, error: &RepairError, is_to_learn: bool, is_deletion: bool) {
        // A peer that has no room for a deletion holds nothing of the file.
        let holds_nothing = matches!(error, RepairError::Refused(Refusal::QuotaDeleted));
        self.untold += usize::from(is_deletion && !is_to_learn && !holds_nothing);
        self.failed += 1;
        self.unlearnt += usize::from(is_to_learn);
        if let (Some(refusal), false) = (error.refusal(), is_to_learn) {
            self.refused += 1;
            self.over_quota += usize::from(refusal.is_about_the_quota());
            self.disk_refusals += usize::from(refusal.is_about_the_disk());
            self.quota_refusals += usize::from(refusal.is_about_the_quota());
            self.refusal = Some(refusal.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER_QUOTA: Refusal = Refusal::QuotaFiles { max: 7 };

    fn failed(refusals: &[Refusal]) -> Done {
        let mut done = Done::default();
        for refusal in refusals {
            done.note_failure(&RepairError::Refused(refusal.clone()), false, false);
        }
        done
    }

    #[test]
    fn a_peer_lacks_only_what_is_over_its_quota_if_nothing_else_was_to_be_done() {
        assert!(!Done::default().is_all_over_quota(), "it lacks nothing");
        let done = failed(&[OVER_QUOTA, OVER_QUOTA]);
        assert!(done.is_all_over_quota());
        assert!(!failed(&[OVER_QUOTA, Refusal::DiskFull]).is_all_over_quota());
        for mended in [Mended::Sent, Mended::Learnt, Mended::Released, Mended::Kept] {
            let mut done = done.clone();
            done.note(mended, false);
            assert!(!done.is_all_over_quota(), "{mended:?}");
        }
        let mut left_out = done;
        left_out.note_left_out(false, false);
        assert!(!left_out.is_all_over_quota());
    }

    #[test]
    fn each_file_is_counted_by_how_it_ended() {
        let mut done = Done::default();
        done.note(Mended::Sent, true);
        done.note(Mended::Sent, true);
        done.note(Mended::Learnt, false);
        done.note_left_out(true, true);
        done.note_left_out(false, true);
        done.note_failure(&RepairError::Refused(Refusal::QuotaDeleted), false, true);
        done.note_failure(&RepairError::Refused(Refusal::NotOwner), false, true);
        done.note_failure(&RepairError::Refused(Refusal::NotOwner), true, false);
        done.note_not_offered();
        done.note_not_offered();
        let expected = Done {
            sent: 2,
            learnt: 1,
            left_out: 2,
            failed: 5,
            // One of them was to be learnt, and is no refusal of a file.
            refused: 4,
            refusal: Some(Refusal::NotOwner),
            over_quota: 1,
            quota_refusals: 1,
            unlearnt: 2,
            // A peer that has no room for a deletion holds nothing of the file.
            untold: 2,
            ..Done::default()
        };
        assert_eq!(done, expected);
    }

    #[test]
    fn a_peer_is_offered_enough_that_takes_nothing_many_times_in_a_row() {
        for (refusal, count) in [(Refusal::DiskFull, DISK_REFUSALS_MAX), (OVER_QUOTA, QUOTA_REFUSALS_MAX)] {
            let mut done = failed(&vec![refusal.clone(); count - 1]);
            assert!(!done.is_offered_enough());
            done.note_failure(&RepairError::Refused(refusal.clone()), false, false);
            assert!(done.is_offered_enough());
            done.note_not_offered();
            assert_eq!(done.is_all_over_quota(), refusal == OVER_QUOTA);
            done.note(Mended::Released, false);
            assert!(done.is_offered_enough(), "it has taken nothing");
            done.note(Mended::Sent, true);
            assert!(!done.is_offered_enough());
        }
    }
}

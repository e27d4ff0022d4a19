//! The count of what one repair did.

use super::error::RepairError;
use crate::limits::DISK_REFUSALS_MAX;
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

    /// Whether the peer's disk takes nothing, and is to be offered no more.
    pub(super) fn is_disk_useless(&self) -> bool {
        self.disk_refusals >= DISK_REFUSALS_MAX
    }

    /// Counts a file that a peer with such a disk is not offered.
    pub(super) fn note_not_offered(&mut self) {
        self.failed += 1;
        self.refused += 1;
    }

    /// Counts a file that was mended; if the peer has taken its bytes, its disk is of use.
    pub(super) fn note(&mut self, mended: Mended, has_taken: bool) {
        if has_taken {
            self.disk_refusals = 0;
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
            self.refusal = Some(refusal.clone());
        }
    }
}

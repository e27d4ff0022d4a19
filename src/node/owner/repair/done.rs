//! The count of what one repair did.

use super::difference::Difference;
use super::error::RepairError;
use crate::limits::{DISK_REFUSALS_MAX, QUOTA_REFUSALS_MAX};
use crate::node::handle::answers::Refusing;
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

/// What is to be done about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The peer is to receive a file of which it holds nothing.
    New,
    /// It is to receive a file of which it holds an older version.
    Newer,
    /// It is to receive a deletion.
    Deletion,
    /// The own catalog is to know what only the peer knows.
    Learn,
    /// It is to hold what is current under the same version, or nothing.
    Settle,
}

impl Aim {
    /// Returns what is to be done about a difference.
    pub(super) fn of(difference: Difference) -> Self {
        match difference {
            Difference::KnowsMore(_) => Self::Learn,
            other if other.entry().is_deleted() => Self::Deletion,
            Difference::Lacks(_) => Self::New,
            Difference::IsBehind(_) => Self::Newer,
            Difference::Conflicts(_) | Difference::IsPlacedElsewhere(_) => Self::Settle,
        }
    }
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
    /// How many in a row of those of which it holds nothing it did not take because of its quota.
    pub(super) quota_refusals: usize,
    /// How many in a row of those of which it holds an older version.
    pub(super) growth_refusals: usize,
    /// The length in bytes of the smallest file in a row of which it holds nothing, and that it did not take because of
    /// its disk or its quota.
    pub(super) smallest_refused: Option<u64>,
    /// Those of the failed ones that no connected peer has, and this node neither.
    pub(super) nowhere: usize,
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

    /// Whether the peer takes nothing of this kind, because of its disk or its quota.
    pub(super) fn is_offered_enough(&self, aim: Aim) -> bool {
        let refusals = match aim {
            Aim::New => self.quota_refusals,
            Aim::Newer => self.growth_refusals,
            Aim::Deletion | Aim::Learn | Aim::Settle => return false,
        };
        self.is_disk_full() || refusals >= QUOTA_REFUSALS_MAX
    }

    /// Whether the peer takes nothing because of its disk.
    fn is_disk_full(&self) -> bool {
        self.disk_refusals >= DISK_REFUSALS_MAX
    }

    /// Returns what the peer did not take, or else what nobody could give it.
    pub(super) fn refusing(&self) -> Option<Refusing> {
        let refused = self.refusal.as_ref().map(|refusal| (self.refused, refusal.to_string()));
        let nowhere = (self.nowhere > 0)
            .then(|| (self.nowhere, "neither this node nor another connected peer gives them".to_owned()));
        refused.or(nowhere).map(|(files, reason)| Refusing { files: files as u64, reason })
    }

    /// Notes the length of a file of which the peer holds nothing, and that it did not take because of its disk or its
    /// quota.
    pub(super) fn note_len_refused(&mut self, len: u64) {
        self.smallest_refused = Some(self.smallest_refused.map_or(len, |smallest| smallest.min(len)));
    }

    /// Counts a file that such a peer is not offered.
    pub(super) fn note_not_offered(&mut self) {
        self.failed += 1;
        self.refused += 1;
        self.over_quota += usize::from(!self.is_disk_full());
    }

    /// Counts a file that was mended. If the peer has taken its bytes, it may take others.
    pub(super) fn note(&mut self, mended: Mended, aim: Aim) {
        *match mended {
            Mended::Sent => &mut self.sent,
            Mended::Learnt => &mut self.learnt,
            Mended::Released => &mut self.released,
            Mended::Kept => &mut self.kept,
        } += 1;
        if matches!(aim, Aim::New | Aim::Newer) {
            self.disk_refusals = 0;
            self.growth_refusals = 0;
        }
        // What takes the place of an older version says nothing of the room for others.
        if aim == Aim::New {
            self.quota_refusals = 0;
            self.smallest_refused = None;
        }
    }

    /// Counts a file that is left for the next repair.
    pub(super) fn note_left_out(&mut self, aim: Aim) {
        self.left_out += 1;
        self.unlearnt += usize::from(aim == Aim::Learn);
        self.untold += usize::from(aim == Aim::Deletion);
    }

    /// Counts a file that could not be mended.
    pub(super) fn note_failure(&mut self, error: &RepairError, aim: Aim) {
        // A peer that has no room for a deletion holds nothing of the file.
        let holds_nothing = matches!(error, RepairError::Refused(Refusal::QuotaDeleted));
        self.untold += usize::from(aim == Aim::Deletion && !holds_nothing);
        self.failed += 1;
        self.unlearnt += usize::from(aim == Aim::Learn);
        self.nowhere += usize::from(matches!(error, RepairError::NoOther));
        let Some(refusal) = error.refusal().filter(|_| aim != Aim::Learn) else { return };
        self.refused += 1;
        self.disk_refusals += usize::from(refusal.is_about_the_disk());
        if refusal.is_about_the_quota() {
            self.over_quota += 1;
            self.quota_refusals += usize::from(aim == Aim::New);
            self.growth_refusals += usize::from(aim == Aim::Newer);
        }
        self.refusal = Some(refusal.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER_QUOTA: Refusal = Refusal::QuotaFiles { max: 7 };

    fn failed(refusals: &[Refusal]) -> Done {
        let mut done = Done::default();
        for refusal in refusals {
            done.note_failure(&RepairError::Refused(refusal.clone()), Aim::New);
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
            done.note(mended, Aim::Settle);
            assert!(!done.is_all_over_quota(), "{mended:?}");
        }
        let mut left_out = done;
        left_out.note_left_out(Aim::New);
        assert!(!left_out.is_all_over_quota());
    }

    #[test]
    fn what_nobody_can_give_is_told_like_what_a_peer_does_not_take() {
        let mut done = Done::default();
        assert_eq!(done.refusing(), None);
        done.note_failure(&RepairError::NoOther, Aim::New);
        let told = |done: &Done| done.refusing().map(|refusing| (refusing.files, refusing.reason));
        assert_eq!(told(&done), Some((1, "neither this node nor another connected peer gives them".to_owned())));
        done.note_failure(&RepairError::Refused(OVER_QUOTA), Aim::New);
        assert_eq!(told(&done), Some((1, OVER_QUOTA.to_string())));
    }

    #[test]
    fn each_file_is_counted_by_how_it_ended() {
        let mut done = Done::default();
        done.note(Mended::Sent, Aim::New);
        done.note(Mended::Sent, Aim::New);
        done.note(Mended::Learnt, Aim::Learn);
        done.note_left_out(Aim::Learn);
        done.note_left_out(Aim::Deletion);
        done.note_failure(&RepairError::Refused(Refusal::QuotaDeleted), Aim::Deletion);
        done.note_failure(&RepairError::Refused(Refusal::NotOwner), Aim::Deletion);
        done.note_failure(&RepairError::Refused(Refusal::NotOwner), Aim::Learn);
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
            // Those that were not offered, too.
            over_quota: 3,
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
            let is_quota = refusal == OVER_QUOTA;
            let mut done = failed(&vec![refusal.clone(); count - 1]);
            assert!(!done.is_offered_enough(Aim::New));
            done.note_failure(&RepairError::Refused(refusal.clone()), Aim::New);
            assert_eq!([Aim::New, Aim::Newer].map(|aim| done.is_offered_enough(aim)), [true, !is_quota]);
            done.note_not_offered();
            assert_eq!(done.is_all_over_quota(), is_quota);
            done.note(Mended::Sent, Aim::Newer);
            assert_eq!(done.is_offered_enough(Aim::New), is_quota, "an older version has given way");
            done.note(Mended::Sent, Aim::New);
            assert!(!done.is_offered_enough(Aim::New));
        }
        let mut done = Done::default();
        for _ in 0..QUOTA_REFUSALS_MAX {
            done.note_failure(&RepairError::Refused(OVER_QUOTA), Aim::Newer);
        }
        assert_eq!([Aim::New, Aim::Newer].map(|aim| done.is_offered_enough(aim)), [false, true]);
    }

    #[test]
    fn the_smallest_of_those_that_were_refused_in_a_row_is_known() {
        let mut done = failed(&[OVER_QUOTA]);
        assert_eq!(done.smallest_refused, None);
        done.note_len_refused(10);
        done.note_len_refused(20);
        done.note(Mended::Sent, Aim::Newer);
        assert_eq!(done.smallest_refused, Some(10));
        done.note(Mended::Sent, Aim::New);
        assert_eq!(done.smallest_refused, None);
    }
}

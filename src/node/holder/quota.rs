//! How much of this disk each owner may take up.

use crate::crypto::{NodeId, ReplicaName};
use crate::limits::{QUOTA_FILE_BYTES, TOMBSTONES_PER_OWNER_MAX};
use crate::node::tally::{Tallied, Tally};
use crate::protocol::Refusal;
use crate::store::{Known, Usage};

/// What each owner may take up on this disk; by default as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// The bound on sealed bytes, to which each replica adds [`QUOTA_FILE_BYTES`].
    pub bytes_max: Option<u64>,
    /// The bound on the number of replicas.
    pub files_max: Option<u64>,
}

/// The room for replicas that are being stored and are not in the catalog yet, by owner.
#[derive(Default)]
pub(in crate::node) struct Reserved {
    of: Tally<NodeId, Usage>,
    of_name: Tally<(NodeId, ReplicaName), u64>,
}

/// Room for one replica, for as long as this value lives.
pub(in crate::node) struct Room {
    _of: Tallied<NodeId, Usage>,
    _of_name: Tallied<(NodeId, ReplicaName), u64>,
}

/// What is on its way for an owner.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OnItsWay {
    /// All of it.
    all: Usage,
    /// How many replicas of the file that is looked at are among it.
    of_name: u64,
}

impl Quota {
    /// Refuses a replica that does not fit. `used` is what its owner takes up, `held` is what the replica replaces,
    /// `one` is the replica, and `coming` is what is being stored beside it. What is replaced does not count, and a
    /// replica that is no larger than what it replaces is taken unless another one is on its way to the same place: so
    /// what is written before it replaces anything is bounded as well. Deletions count too, so that no owner makes new
    /// names without end by deleting them again.
    pub(super) fn check(self, used: Usage, held: Option<&Known>, one: Usage, coming: OnItsWay) -> Result<(), Refusal> {
        let replaced = Usage::of(held);
        let used = used - replaced + coming.all + one;
        let size = |usage: Usage| usage.bytes.saturating_add(usage.files.saturating_mul(QUOTA_FILE_BYTES));
        let grows = coming.of_name > 0 || size(one) > size(replaced);
        match (self.bytes_max, self.files_max) {
            _ if held.is_none() && !has_room_for_tombstone(used) => Err(Refusal::QuotaDeleted),
            (Some(max), _) if grows && size(used) > max => Err(Refusal::QuotaBytes { max }),
            (_, Some(max)) if replaced.files == 0 && used.files > max => Err(Refusal::QuotaFiles { max }),
            _ => Ok(()),
        }
    }
}

impl Reserved {
    /// Reserves room for a replica.
    pub(super) fn add(&self, name: (NodeId, ReplicaName), one: Usage) -> Room {
        Room { _of: self.of.add(name.0, one), _of_name: self.of_name.add(name, 1) }
    }

    /// Returns what is on its way for an owner, and how often one of its files is. A replica that is committed before
    /// the following look at the catalog, and whose room is not given back yet, counts twice; none is missed.
    pub(super) fn on_its_way(&self, name: (NodeId, ReplicaName)) -> OnItsWay {
        OnItsWay { all: self.of.sum(name.0), of_name: self.of_name.sum(name) }
    }

    /// Returns what is on its way for all owners.
    pub(in crate::node) fn all(&self) -> Usage {
        self.of.total()
    }
}

/// Whether there is room to remember one more deletion of a file that is not held.
pub(super) fn has_room_for_tombstone(used: Usage) -> bool {
    used.tombstones < TOMBSTONES_PER_OWNER_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Tag, Tombstone, Version};

    fn usage(files: u64, bytes: u64, tombstones: u64) -> Usage {
        Usage { files, bytes, tombstones }
    }

    const NOTHING: OnItsWay = OnItsWay { all: Usage { files: 0, bytes: 0, tombstones: 0 }, of_name: 0 };

    #[test]
    fn nobody_makes_new_names_without_end_by_deleting_them_again() {
        let (quota, one) = (Quota::default(), usage(1, 17, 0));
        let tombstone = Known::Deleted(Tombstone { version: Version(1), tag: Tag([0; 32]) });
        let used = usage(0, 0, TOMBSTONES_PER_OWNER_MAX);
        assert_eq!(quota.check(used, None, one, NOTHING), Err(Refusal::QuotaDeleted));
        assert_eq!(quota.check(used, Some(&tombstone), one, NOTHING), Ok(()), "a name that was used already");
        assert_eq!(quota.check(usage(9, 9, TOMBSTONES_PER_OWNER_MAX - 1), None, one, NOTHING), Ok(()));
    }

    #[test]
    fn each_file_counts_for_more_than_its_bytes() {
        let quota = Quota { bytes_max: Some(10 * QUOTA_FILE_BYTES), files_max: None };
        let one = usage(1, 16, 0);
        assert_eq!(quota.check(usage(8, 128, 0), None, one, NOTHING), Ok(()));
        let full = Err(Refusal::QuotaBytes { max: 10 * QUOTA_FILE_BYTES });
        assert_eq!(quota.check(usage(9, 144, 0), None, one, NOTHING), full);
    }

    #[test]
    fn what_just_fits_is_taken_and_what_comes_beside_it_counts() {
        let quota = Quota { bytes_max: Some(2 * QUOTA_FILE_BYTES), files_max: Some(1) };
        let (used, one) = (usage(3, 3 * QUOTA_FILE_BYTES, 0), usage(1, 100, 0));
        assert!(quota.check(used, None, one, NOTHING).is_err());
        let tombstone = Known::Deleted(Tombstone { version: Version(1), tag: Tag([0; 32]) });
        assert!(quota.check(used, Some(&tombstone), one, NOTHING).is_err(), "a deletion is smaller");
        let exact = usage(1, 2 * QUOTA_FILE_BYTES - QUOTA_FILE_BYTES, 0);
        assert_eq!(quota.check(usage(0, 0, 0), None, exact, NOTHING), Ok(()), "it just fits");
        let beside = OnItsWay { all: usage(0, 1, 0), of_name: 0 };
        let full = Err(Refusal::QuotaBytes { max: 2 * QUOTA_FILE_BYTES });
        assert_eq!(quota.check(usage(0, 0, 0), None, exact, beside), full, "what comes beside it counts");
        assert_eq!(quota.check(usage(1, 0, 0), None, usage(1, 0, 0), NOTHING), Err(Refusal::QuotaFiles { max: 1 }));
    }
}

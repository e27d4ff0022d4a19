//! How much of this disk each owner may take up.

use crate::crypto::NodeId;
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
}

impl Quota {
    /// Refuses a replica that does not fit. `used` is what its owner takes up, `held` is what the replica replaces,
    /// `one` is the replica, and `reserved` is everything that is being stored, this replica included. What is
    /// replaced does not count, and a replica that is no larger than what it replaces is always taken. Deletions count
    /// too, so that no owner makes new names without end by deleting them again.
    pub(super) fn check(self, used: Usage, held: Option<&Known>, one: Usage, reserved: Usage) -> Result<(), Refusal> {
        let replaced = Usage::of(held);
        let used = used - replaced + reserved;
        let size = |usage: Usage| usage.bytes.saturating_add(usage.files.saturating_mul(QUOTA_FILE_BYTES));
        let grows = size(one) > size(replaced);
        match (self.bytes_max, self.files_max) {
            _ if held.is_none() && !has_room_for_tombstone(used) => Err(Refusal::QuotaDeleted),
            (Some(max), _) if grows && size(used) > max => Err(Refusal::QuotaBytes { max }),
            (_, Some(max)) if replaced.files == 0 && used.files > max => Err(Refusal::QuotaFiles { max }),
            _ => Ok(()),
        }
    }
}

impl Reserved {
    /// Reserves room for a replica of `bytes` bytes. Returns what is on its way for the owner, this replica included. A
    /// replica that is committed before the following look at the catalog counts twice; none is missed.
    pub(super) fn add(&self, owner: NodeId, bytes: u64) -> (Tallied<NodeId, Usage>, Usage) {
        let room = self.of.add(owner, Usage { files: 1, bytes, tombstones: 0 });
        (room, self.of.sum(owner))
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

    #[test]
    fn nobody_makes_new_names_without_end_by_deleting_them_again() {
        let (quota, one) = (Quota::default(), usage(1, 17, 0));
        let tombstone = Known::Deleted(Tombstone { version: Version(1), tag: Tag([0; 32]) });
        let used = usage(0, 0, TOMBSTONES_PER_OWNER_MAX);
        assert_eq!(quota.check(used, None, one, one), Err(Refusal::QuotaDeleted));
        assert_eq!(quota.check(used, Some(&tombstone), one, one), Ok(()), "a name that was used already");
        assert_eq!(quota.check(usage(9, 9, TOMBSTONES_PER_OWNER_MAX - 1), None, one, one), Ok(()));
    }

    #[test]
    fn each_file_counts_for_more_than_its_bytes() {
        let quota = Quota { bytes_max: Some(10 * QUOTA_FILE_BYTES), files_max: None };
        let one = usage(1, 16, 0);
        assert_eq!(quota.check(usage(8, 128, 0), None, one, one), Ok(()));
        let full = Err(Refusal::QuotaBytes { max: 10 * QUOTA_FILE_BYTES });
        assert_eq!(quota.check(usage(9, 144, 0), None, one, one), full);
    }
}

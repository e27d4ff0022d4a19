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
    of: Tallied<NodeId, Usage>,
    _of_name: Tallied<(NodeId, ReplicaName), u64>,
}

/// What is on its way for an owner.
#[derive(Clone, Copy)]
pub(super) struct OnItsWay {
    /// All of it, with the replica that is looked at.
    pub(super) all: Usage,
    /// Whether another replica of the same file is among it.
    pub(super) is_again: bool,
}

impl Quota {
    /// Refuses a replica that does not fit. `used` is what its owner takes up, `held` is what the replica replaces,
    /// `one` is the replica, and `coming` is what is being stored, this replica included. What is replaced does not
    /// count, and a replica that is no larger than what it replaces is taken unless another one is on its way to the
    /// same place: so what is written before it replaces anything is bounded as well. Deletions count too, so that no
    /// owner makes new names without end by deleting them again.
    pub(super) fn check(self, used: Usage, held: Option<&Known>, one: Usage, coming: OnItsWay) -> Result<(), Refusal> {
        let replaced = Usage::of(held);
        let used = used - replaced + coming.all;
        let size = |usage: Usage| usage.bytes.saturating_add(usage.files.saturating_mul(QUOTA_FILE_BYTES));
        let grows = coming.is_again || size(one) > size(replaced);
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
    pub(super) fn add(&self, owner: NodeId, replica_name: ReplicaName, bytes: u64) -> (Room, OnItsWay) {
        let of = self.of.add(owner, Usage { files: 1, bytes, tombstones: 0 });
        let name = (owner, replica_name);
        let of_name = self.of_name.add(name, 1);
        let on_its_way = OnItsWay { all: self.of.sum(owner), is_again: self.of_name.sum(name) > 1 };
        (Room { of, _of_name: of_name }, on_its_way)
    }

    /// Returns what is on its way for all owners.
    pub(in crate::node) fn all(&self) -> Usage {
        self.of.total()
    }
}

impl Room {
    /// Returns what the replica takes up.
    pub(super) fn amount(&self) -> Usage {
        self.of.amount()
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

    fn alone(one: Usage) -> OnItsWay {
        OnItsWay { all: one, is_again: false }
    }

    #[test]
    fn nobody_makes_new_names_without_end_by_deleting_them_again() {
        let (quota, one) = (Quota::default(), usage(1, 17, 0));
        let tombstone = Known::Deleted(Tombstone { version: Version(1), tag: Tag([0; 32]) });
        let used = usage(0, 0, TOMBSTONES_PER_OWNER_MAX);
        assert_eq!(quota.check(used, None, one, alone(one)), Err(Refusal::QuotaDeleted));
        assert_eq!(quota.check(used, Some(&tombstone), one, alone(one)), Ok(()), "a name that was used already");
        assert_eq!(quota.check(usage(9, 9, TOMBSTONES_PER_OWNER_MAX - 1), None, one, alone(one)), Ok(()));
    }

    #[test]
    fn each_file_counts_for_more_than_its_bytes() {
        let quota = Quota { bytes_max: Some(10 * QUOTA_FILE_BYTES), files_max: None };
        let one = usage(1, 16, 0);
        assert_eq!(quota.check(usage(8, 128, 0), None, one, alone(one)), Ok(()));
        let full = Err(Refusal::QuotaBytes { max: 10 * QUOTA_FILE_BYTES });
        assert_eq!(quota.check(usage(9, 144, 0), None, one, alone(one)), full);
    }
}

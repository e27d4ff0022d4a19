//! How much of this disk each owner may take up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::crypto::NodeId;
use crate::limits::{QUOTA_FILE_BYTES, TOMBSTONES_PER_OWNER_MAX};
use crate::protocol::Refusal;
use crate::store::{Known, Usage};

/// What each owner may take up here; by default as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Sealed bytes, and [`QUOTA_FILE_BYTES`] more for each replica.
    pub bytes_max: Option<u64>,
    /// Replicas.
    pub files_max: Option<u64>,
}

/// What is being stored for each owner and is not in the catalog yet.
#[derive(Clone, Default)]
pub(super) struct Reserved {
    of: Rc<RefCell<BTreeMap<NodeId, Usage>>>,
}

/// Room for one replica, for as long as it lives.
pub(super) struct Room {
    owner: NodeId,
    pub(super) usage: Usage,
    reserved: Reserved,
}

impl Quota {
    /// Whether one more replica fits. `used` is what its owner takes up, `held` what it takes the place of, and
    /// `on_their_way` what is being stored, this one included. What it replaces counts no more, and what does not grow is
    /// always taken. Nobody makes new names without end by deleting them again.
    pub(super) fn check(
        self,
        used: Usage,
        held: Option<&Known>,
        one: Usage,
        on_their_way: Usage,
    ) -> Result<(), Refusal> {
        let replaced = Usage::of(held);
        let used = used - replaced + on_their_way;
        let size = |usage: Usage| usage.bytes.saturating_add(usage.files.saturating_mul(QUOTA_FILE_BYTES));
        let grows = size(one) > size(replaced);
        match (self.bytes_max, self.files_max) {
            _ if held.is_none() && !has_room_for_grave(used) => Err(Refusal::QuotaDeleted),
            (Some(max), _) if grows && size(used) > max => Err(Refusal::QuotaBytes { max }),
            (_, Some(max)) if replaced.files == 0 && used.files > max => Err(Refusal::QuotaFiles { max }),
            _ => Ok(()),
        }
    }
}

impl Reserved {
    /// Room for a replica of so many bytes, and what is on its way with it. What is committed before the look at the
    /// catalog that follows counts twice, and never not at all.
    pub(super) fn add(&self, owner: NodeId, bytes: u64) -> (Room, Usage) {
        let usage = Usage { files: 1, bytes, graves: 0 };
        let mut of = self.of.borrow_mut();
        let sum = of.entry(owner).or_default();
        *sum = *sum + usage;
        (Room { owner, usage, reserved: self.clone() }, *sum)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut of = self.reserved.of.borrow_mut();
        let sum = of.get_mut(&self.owner).expect("it was added");
        *sum = *sum - self.usage;
        if *sum == Usage::default() {
            of.remove(&self.owner);
        }
    }
}

/// Whether one more deletion is remembered of a file that is not held.
pub(super) fn has_room_for_grave(used: Usage) -> bool {
    used.graves < TOMBSTONES_PER_OWNER_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Tag, Tombstone, Version};

    fn usage(files: u64, bytes: u64, graves: u64) -> Usage {
        Usage { files, bytes, graves }
    }

    #[test]
    fn nobody_makes_new_names_without_end_by_deleting_them_again() {
        let (quota, one) = (Quota::default(), usage(1, 17, 0));
        let grave = Known::Deleted(Tombstone { version: Version(1), tag: Tag([0; 32]) });
        let used = usage(0, 0, TOMBSTONES_PER_OWNER_MAX);
        assert_eq!(quota.check(used, None, one, one), Err(Refusal::QuotaDeleted));
        assert_eq!(quota.check(used, Some(&grave), one, one), Ok(()), "a name that was used already");
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

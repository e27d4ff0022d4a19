//! Which replicas were compared with their seals, and are not durably known to be so. This is made durable in groups,
//! so that a check costs no sync. What a crash takes was found good all the same.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::crypto::{NodeId, ReplicaName, Version};
use crate::store::Change;
use crate::time::UnixMillis;

/// What was found good and is not durable as such.
#[derive(Default)]
pub(in crate::node) struct Verified(RefCell<BTreeMap<(NodeId, ReplicaName), (Version, UnixMillis)>>);

impl Verified {
    /// Notes that a version of a replica was compared as a whole. Returns how many notes there are.
    pub(super) fn note(&self, owner: NodeId, replica_name: ReplicaName, version: Version, now: UnixMillis) -> usize {
        let mut noted = self.0.borrow_mut();
        noted.insert((owner, replica_name), (version, now));
        noted.len()
    }

    /// Takes all notes, as changes of the catalog.
    pub(super) fn take(&self) -> Vec<Change> {
        let change = |((owner, replica_name), (version, at))| Change::Verified(owner, replica_name, version, at);
        self.0.take().into_iter().map(change).collect()
    }

    /// Returns when this version was last compared, if that is not durable.
    pub(super) fn since(&self, owner: NodeId, replica_name: ReplicaName, version: Version) -> Option<UnixMillis> {
        let noted = self.0.borrow();
        noted.get(&(owner, replica_name)).filter(|(noted, _)| *noted == version).map(|(_, at)| *at)
    }
}

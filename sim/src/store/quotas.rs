//! What owners take up, and what they may: the quota with which the node of a host was started last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dacapo::crypto::{NodeId, ReplicaName};
use dacapo::limits::QUOTA_FILE_BYTES;
use dacapo::node::Quota;
use dacapo::store::Usage;

use crate::host::Host;

/// The quotas in force, by host. Clones are the same.
#[derive(Clone, Default)]
pub struct Quotas {
    in_force: Rc<RefCell<BTreeMap<Host, InForce>>>,
}

struct InForce {
    quota: Quota,
    /// What was held when the quota came into force. It stays.
    before: BTreeMap<NodeId, Usage>,
}

impl Quotas {
    /// Notes the quota of a node that has started. If the node had another one before, `held` says what it holds.
    pub(super) fn note(&self, host: Host, quota: Quota, held: impl FnOnce() -> BTreeMap<NodeId, Usage>) {
        let mut in_force = self.in_force.borrow_mut();
        if in_force.get(&host).is_none_or(|before| before.quota != quota) {
            let before = if quota == Quota::default() { BTreeMap::new() } else { held() };
            in_force.insert(host, InForce { quota, before });
        }
    }

    /// Notes that a host has another disk: what lies there was perhaps taken under another quota.
    pub(super) fn disk_put_back(&self, host: Host) {
        self.in_force.borrow_mut().remove(&host);
    }

    /// Whether an owner may take up so much on a host: what the quota allows, or else no more than when the quota came
    /// into force.
    #[must_use]
    pub fn allow(&self, host: Host, owner: NodeId, usage: Usage) -> bool {
        let in_force = self.in_force.borrow();
        let Some(InForce { quota, before }) = in_force.get(&host) else { return true };
        let before = before.get(&owner).copied().unwrap_or_default();
        let is_within = |max: Option<u64>, before: u64, now: u64| max.is_none_or(|max| now <= max.max(before));
        is_within(quota.bytes_max, size(before), size(usage)) && is_within(quota.files_max, before.files, usage.files)
    }
}

/// Returns what an owner takes up with replicas of these lengths in bytes, by name.
#[must_use]
pub fn usage(replicas: &BTreeMap<ReplicaName, u64>) -> Usage {
    Usage { files: replicas.len() as u64, bytes: replicas.values().sum(), tombstones: 0 }
}

/// Whether an owner may take up so much.
#[must_use]
pub fn fits(quota: Quota, usage: Usage) -> bool {
    quota.bytes_max.is_none_or(|max| size(usage) <= max) && quota.files_max.is_none_or(|max| usage.files <= max)
}

/// Returns what counts as the bytes of what an owner takes up.
fn size(usage: Usage) -> u64 {
    usage.bytes + usage.files * QUOTA_FILE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_before_a_quota_stays_and_does_not_grow() {
        let (quotas, owner) = (Quotas::default(), NodeId([1; 32]));
        let files = |files: u64| Usage { files, bytes: files, tombstones: 0 };
        let quota = |max: Option<u64>| Quota { bytes_max: None, files_max: max };
        assert!(quotas.allow(0, owner, files(99)), "nothing is known of this host");
        quotas.note(0, quota(Some(3)), || BTreeMap::from([(owner, files(5))]));
        quotas.note(0, quota(Some(3)), || panic!("the quota is the same"));
        let most = |quotas: &Quotas| (0..99).rev().find(|count| quotas.allow(0, owner, files(*count)));
        assert_eq!(most(&quotas), Some(5));
        assert!(!quotas.allow(0, NodeId([2; 32]), files(4)));
        quotas.note(0, quota(None), BTreeMap::new);
        assert_eq!(most(&quotas), Some(98));
        quotas.note(0, quota(Some(3)), BTreeMap::new);
        assert_eq!(most(&quotas), Some(3));
        quotas.disk_put_back(0);
        assert_eq!(most(&quotas), Some(98));
    }
}

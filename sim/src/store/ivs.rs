//! The IVs of all versions that peers have acknowledged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dacapo::crypto::{IV_BYTES, NodeId, ReplicaName, Version};

/// A version of a replica: the owner, the name and the version.
type VersionOf = (NodeId, ReplicaName, Version);

/// Which version of which replica has an IV. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Ivs {
    seen: Rc<RefCell<BTreeMap<[u8; IV_BYTES], VersionOf>>>,
}

impl Ivs {
    /// Notes the IV of a version, and returns the other version that had it before, if there is one.
    pub(super) fn note(&self, iv: [u8; IV_BYTES], of: VersionOf) -> Option<VersionOf> {
        self.seen.borrow_mut().insert(iv, of).filter(|other| *other != of)
    }
}

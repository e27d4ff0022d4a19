//! How many names an owner has used, signed by the owner, so that an owner with nothing but its identity learns from
//! any peer how much there should be.

use serde::{Deserialize, Serialize};

use super::{Keys, Tag, Version};

/// How many names an owner had at some version: files, and files that are deleted everywhere. A name that is deleted is
/// still one until its deletion is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCount {
    /// How many names.
    pub names: u64,
    /// The version that the owner had reached. Of two counts the one with the greater version is the newer.
    pub version: Version,
    /// The owner's proof over both.
    pub tag: Tag,
}

impl NameCount {
    /// Signs a count.
    #[must_use]
    pub fn new(keys: &Keys, names: u64, version: Version) -> Self {
        Self { names, version, tag: Tag(*mac(keys, names, version).as_bytes()) }
    }

    /// Whether the owner of `keys` made this count. The time taken does not tell what differs.
    #[must_use]
    pub fn is_authentic(&self, keys: &Keys) -> bool {
        mac(keys, self.names, self.version) == blake3::Hash::from_bytes(self.tag.0) && self.version <= Version::MAX
    }
}

fn mac(keys: &Keys, names: u64, version: Version) -> blake3::Hash {
    let mut mac = blake3::Hasher::new_keyed(&keys.tag);
    // No seal and no tombstone begins like this, so none of the three can be taken for another.
    mac.update(b"dacapo count v1");
    mac.update(&keys.node().0);
    mac.update(&names.to_le_bytes());
    mac.update(&version.0.to_le_bytes());
    mac.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::MasterSecret;

    #[test]
    fn a_count_holds_for_one_owner_number_and_version() {
        let keys = Keys::derive(&MasterSecret([1; 32]));
        let count = NameCount::new(&keys, 7, Version(3));
        assert!(count.is_authentic(&keys));
        assert!(!count.is_authentic(&Keys::derive(&MasterSecret([2; 32]))));
        assert!(!NameCount { names: 8, ..count }.is_authentic(&keys));
        assert!(!NameCount { version: Version(4), ..count }.is_authentic(&keys));
    }
}

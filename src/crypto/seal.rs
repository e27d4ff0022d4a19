//! The seal of a file: a tag over the digest of its encrypted content, which only the owner can make
//! (encrypt-then-authenticate).
//!
//! The tag is keyed BLAKE3 over the owner, the name and the version of the replica, its length, its digest and its
//! sealed metadata. So a holder can neither alter a replica, nor pass it off as another one, nor pass off an old
//! version as new.

use serde::{Deserialize, Serialize};

use super::content::sealed_bytes;
use super::hex::hex_bytes;
use super::{Digest, Keys, NodeId, ReplicaName, SealedMetadata};
use crate::time::UnixMillis;

hex_bytes! {
    /// The owner's proof that a replica is what it claims to be.
    Tag, 32
}

/// The place of a store in the order of its owner's stores. A greater number is newer; numbers may be skipped, and none
/// is used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u64);

impl Version {
    /// The greatest version. No owner reaches it: at a million stores a second that takes 146,000 years. A tag over a
    /// greater number is never authentic, so adding to a version cannot overflow.
    pub const MAX: Self = Self(1 << 62);

    /// Returns the version whose number is a time of day in milliseconds. A clock beyond the year 36,812 counts as that
    /// year, so that no clock uses up the numbers.
    #[must_use]
    pub fn at(now: UnixMillis) -> Self {
        Self(now.0.min(1 << 50))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// Everything about a sealed file except its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Which store of the owner made the file.
    pub version: Version,
    /// The length of the plaintext in bytes; the sealed file is 16 bytes longer.
    pub size: u64,
    /// BLAKE3 of the sealed bytes.
    pub digest: Digest,
    /// The owner's proof over the name and all other fields.
    pub tag: Tag,
    /// Name, size and time; only the owner can read them.
    pub metadata: SealedMetadata,
}

impl Seal {
    /// Makes the seal of a file. `digest` is that of the sealed bytes of this version.
    #[must_use]
    pub fn new(
        keys: &Keys,
        replica_name: ReplicaName,
        version: Version,
        size: u64,
        digest: Digest,
        metadata: SealedMetadata,
    ) -> Self {
        let mut seal = Self { version, size, digest, tag: Tag([0; 32]), metadata };
        seal.tag = Tag(*seal.mac(keys, keys.node(), replica_name).as_bytes());
        seal
    }

    /// Whether the owner of `keys` made this seal for that name. The time taken does not tell what differs.
    #[must_use]
    pub fn is_authentic(&self, keys: &Keys, replica_name: ReplicaName) -> bool {
        // `blake3::Hash` compares in constant time.
        self.mac(keys, keys.node(), replica_name) == blake3::Hash::from_bytes(self.tag.0)
            && self.version <= Version::MAX
    }

    /// Returns a hash of all fields, by which two seals can be told apart.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.version.0.to_le_bytes());
        hasher.update(&self.size.to_le_bytes());
        hasher.update(&self.digest.0);
        hasher.update(&self.tag.0);
        hasher.update(self.metadata.as_bytes());
        hasher.finalize()
    }

    /// Whether two seals are of the same sealed bytes. A file that gets a new number keeps its bytes.
    #[must_use]
    pub fn has_bytes_of(&self, other: &Self) -> bool {
        self.size == other.size && self.digest == other.digest
    }

    /// Returns the length of the sealed file: IV and ciphertext.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        sealed_bytes(self.size)
    }

    fn mac(&self, keys: &Keys, owner: NodeId, replica_name: ReplicaName) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&keys.tag);
        // Every field but the last has a fixed length, so the encoding is injective.
        mac.update(b"dacapo seal v1");
        mac.update(&owner.0);
        mac.update(&replica_name.0);
        mac.update(&self.version.0.to_le_bytes());
        mac.update(&self.size.to_le_bytes());
        mac.update(&self.digest.0);
        mac.update(self.metadata.as_bytes());
        mac.finalize()
    }
}

/// The owner's proof that a file was deleted everywhere. It replaces every version before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The version of the deletion. Stores and deletions are numbered in one sequence.
    pub version: Version,
    /// The owner's proof over name and version.
    pub tag: Tag,
}

impl Tombstone {
    /// Makes the tombstone of a name.
    #[must_use]
    pub fn new(keys: &Keys, replica_name: ReplicaName, version: Version) -> Self {
        Self { version, tag: Tag(*Self::mac(keys, replica_name, version).as_bytes()) }
    }

    /// Whether the owner of `keys` deleted the file of that name. The time taken does not tell what differs.
    #[must_use]
    pub fn is_authentic(&self, keys: &Keys, replica_name: ReplicaName) -> bool {
        Self::mac(keys, replica_name, self.version) == blake3::Hash::from_bytes(self.tag.0)
            && self.version <= Version::MAX
    }

    fn mac(keys: &Keys, replica_name: ReplicaName, version: Version) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&keys.tag);
        // No seal begins like this, so neither can be taken for the other.
        mac.update(b"dacapo grave v1");
        mac.update(&keys.node().0);
        mac.update(&replica_name.0);
        mac.update(&version.0.to_le_bytes());
        mac.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Iv, Key, MasterSecret, Metadata};

    fn keys() -> Keys {
        Keys::derive(&MasterSecret([1; 32]))
    }

    #[test]
    fn a_seal_holds_for_one_name_version_length_and_content() {
        let keys = keys();
        let key: Key = "a".parse().expect("a key");
        let metadata = Metadata { key: key.clone(), size: 22, modified: UnixMillis(0), attributes: None };
        let sealed = SealedMetadata::seal(&keys, Iv([0; 16]), &metadata);
        let replica_name = keys.replica_name(&key);
        let seal = Seal::new(&keys, replica_name, Version(3), 22, Digest([5; 32]), sealed);
        assert!(seal.is_authentic(&keys, replica_name));
        assert!(!seal.is_authentic(&keys, ReplicaName([0; 16])));
        assert!(!seal.is_authentic(&Keys::derive(&MasterSecret([2; 32])), replica_name));
        let other = SealedMetadata::seal(&keys, Iv([1; 16]), &metadata);
        for forged in [
            Seal { version: Version(4), ..seal.clone() },
            Seal { size: 23, ..seal.clone() },
            Seal { digest: Digest([6; 32]), ..seal.clone() },
            Seal { tag: Tag([0; 32]), ..seal.clone() },
            Seal { metadata: other, ..seal.clone() },
        ] {
            assert!(!forged.is_authentic(&keys, replica_name), "{forged:?}");
        }
        assert!(Seal { version: Version(4), ..seal.clone() }.has_bytes_of(&seal), "a new number keeps the bytes");
        assert!(!Seal { size: 23, ..seal.clone() }.has_bytes_of(&seal));
        assert!(!Seal { digest: Digest([6; 32]), ..seal.clone() }.has_bytes_of(&seal));
    }

    #[test]
    fn a_version_begins_at_the_time_of_day_and_no_clock_uses_the_numbers_up() {
        assert_eq!(Version::at(UnixMillis(1_767_225_600_522)), Version(1_767_225_600_522));
        assert_eq!(Version::at(UnixMillis(u64::MAX)), Version(1 << 50));
    }

    #[test]
    fn a_tombstone_holds_for_one_name_and_version() {
        let (keys, replica_name) = (keys(), ReplicaName([1; 16]));
        let tombstone = Tombstone::new(&keys, replica_name, Version(3));
        assert!(tombstone.is_authentic(&keys, replica_name));
        assert!(!tombstone.is_authentic(&keys, ReplicaName([0; 16])));
        assert!(!tombstone.is_authentic(&Keys::derive(&MasterSecret([2; 32])), replica_name));
        assert!(!Tombstone { version: Version(4), ..tombstone }.is_authentic(&keys, replica_name));
        let beyond = Tombstone::new(&keys, replica_name, Version(Version::MAX.0 + 1));
        assert!(!beyond.is_authentic(&keys, replica_name), "no owner reaches that version");
    }
}

//! What the catalog says of a file, and how it changes.

use serde::{Deserialize, Serialize};

use super::layout::BlobId;
use crate::crypto::{HashedKey, Iv, Key, NodeId, Seal, Tombstone, Version};
use crate::replication::Entry;
use crate::time::UnixMillis;

/// A file of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRecord {
    /// What every replica of it must be.
    pub seal: Seal,
    /// The IV of its replicas; with it the plaintext is checked against the seal.
    pub iv: Iv,
    /// When it was stored.
    pub modified: UnixMillis,
}

/// A replica that this node holds for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// What the replica must be.
    pub seal: Seal,
    /// When it was stored here.
    pub stored: UnixMillis,
    /// When its bytes were last compared with the seal.
    pub verified: UnixMillis,
}

/// What is known of the name of another node's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Known {
    /// There is a replica.
    File(HeldRecord),
    /// The owner deleted it everywhere; nothing older comes back.
    Deleted(Tombstone),
}

/// One change of the catalog.
#[derive(Clone, Debug)]
pub enum Change {
    /// An own file, which peers know by its hashed name, has a new version.
    Own(Key, HashedKey, Box<OwnRecord>),
    /// An own file is deleted everywhere.
    Deleted(HashedKey, Tombstone),
    /// A replica has a new version or is deleted everywhere.
    Held(NodeId, HashedKey, Box<Known>),
    /// A replica turned out to be damaged and is not held any more.
    Lost(NodeId, HashedKey),
    /// The bytes of a blob lie in the catalog, or no longer do.
    Object(BlobId, Option<Vec<u8>>),
    /// No version above this number has been handed out.
    VersionCeiling(u64),
}

impl OwnRecord {
    /// What stands for it in a summary.
    #[must_use]
    pub fn entry(&self, hashed: HashedKey) -> Entry {
        Entry::file(hashed, self.seal.version, &self.seal.digest)
    }
}

impl Known {
    /// The replica, where it is not deleted.
    #[must_use]
    pub fn file(self) -> Option<HeldRecord> {
        match self {
            Self::File(record) => Some(record),
            Self::Deleted(_) => None,
        }
    }

    /// How new it is.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::File(record) => record.seal.version,
            Self::Deleted(tombstone) => tombstone.version,
        }
    }

    /// What stands for it in a summary.
    #[must_use]
    pub fn entry(&self, hashed: HashedKey) -> Entry {
        match self {
            Self::File(record) => Entry::file(hashed, record.seal.version, &record.seal.digest),
            Self::Deleted(tombstone) => Entry::deleted(hashed, tombstone.version),
        }
    }
}

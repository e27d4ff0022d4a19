//! What the catalog says of a file, and how that changes. Storing records is left to `catalog`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::layout::BlobId;
use crate::crypto::{FileName, Iv, Key, Keys, NameCount, NodeId, ReplicaName, Seal, Tombstone, Version};
use crate::replication::Entry;
use crate::time::UnixMillis;

/// A file of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRecord {
    /// What every replica of the file must be.
    pub seal: Seal,
    /// The IV of the replicas, with which the plaintext can be checked against the seal.
    pub iv: Iv,
    /// When the file was stored.
    pub modified: UnixMillis,
}

impl OwnRecord {
    /// Returns the record of the same file under another version. The bytes stay what they are, so the same IV tells
    /// nobody anything new.
    #[must_use]
    pub fn renumbered(self, keys: &Keys, replica_name: ReplicaName, version: Version) -> Self {
        let Seal { size, digest, metadata, .. } = self.seal;
        Self { seal: Seal::new(keys, replica_name, version, size, digest, metadata), ..self }
    }
}

/// A replica that this node holds for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// What the replica must be.
    pub seal: Seal,
    /// When the replica was stored here.
    pub stored: UnixMillis,
    /// When the replica's bytes were last compared with the seal.
    pub verified: UnixMillis,
}

/// What this node knows of another node's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Known {
    /// This node holds a replica.
    File(HeldRecord),
    /// The owner deleted the file everywhere; no older version comes back.
    Deleted(Tombstone),
}

/// One change of the catalog.
#[derive(Clone, Debug)]
pub enum Change {
    /// An own file, which peers know by its replica name, has a new version.
    Own(Key, ReplicaName, Box<OwnRecord>),
    /// The record of an own file turned out to have no proof, and is dropped if it is still this one.
    Disproved(Key, ReplicaName, Box<OwnRecord>),
    /// The tombstone of an own file turned out to have no proof, and is dropped if it is still this one.
    DisprovedTombstone(ReplicaName, Tombstone),
    /// A local copy of this version is to be here, or none.
    Copy(FileName, Option<Version>),
    /// An own file is deleted everywhere.
    Deleted(ReplicaName, Tombstone),
    /// The deletion of an own file is forgotten, if this is still its tombstone.
    Forgotten(ReplicaName, Tombstone),
    /// Deletions are forgotten so far.
    Forgetting(Forgetting),
    /// A replica has a new version or is deleted everywhere.
    Held(NodeId, ReplicaName, Box<Known>),
    /// A replica turned out to be damaged and is no longer held.
    Lost(NodeId, ReplicaName),
    /// An owner for whom replicas are held has so many names.
    Count(NodeId, NameCount),
    /// The bytes of a blob lie in the catalog, or no longer do.
    Object(BlobId, Option<Bytes>),
    /// No version above this number has been handed out.
    VersionCeiling(u64),
    /// Just these ranges of versions are reserved, both ends included. No version above the last of them has been
    /// handed out.
    VersionsReserved(Vec<(u64, u64)>),
    /// This version of a replica was compared with its seal at this time.
    Verified(NodeId, ReplicaName, Version, UnixMillis),
    /// A peer was connected. It is dialled at this address; none if the text is empty.
    PeerMet(NodeId, String),
    /// A scrub has come so far.
    Scrub(ScrubState),
}

/// How far the deletions of own files are forgotten, so that they do not take up room for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgetting {
    /// A deletion with a version up to this one that the catalog does not know was forgotten. `Version(0)` in a new
    /// catalog.
    pub floor: Version,
    /// A version that all peers have caught up with, and when they had; `None` if nothing is to be forgotten.
    pub agreed: Option<(Version, UnixMillis)>,
}

/// How far scrubs have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubState {
    /// The last blob that was looked at; `None` between two scrubs.
    pub position: Option<ScrubPosition>,
    /// When the last full scrub ended.
    pub ended: Option<UnixMillis>,
}

/// A place in a scrub: own files come first, by their keys, then replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScrubPosition {
    /// Behind an own file.
    Own(Key),
    /// Behind a replica.
    Held(NodeId, ReplicaName),
}

impl OwnRecord {
    /// Returns the entry of the file in a summary.
    #[must_use]
    pub fn entry(&self, replica_name: ReplicaName) -> Entry {
        Entry::file(replica_name, &self.seal)
    }
}

impl Known {
    /// Returns the record of the replica; `None` if the file is deleted everywhere.
    #[must_use]
    pub fn file(self) -> Option<HeldRecord> {
        match self {
            Self::File(record) => Some(record),
            Self::Deleted(_) => None,
        }
    }

    /// Returns the version of the replica or of the deletion.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::File(record) => record.seal.version,
            Self::Deleted(tombstone) => tombstone.version,
        }
    }

    /// Returns the entry of the file or of its deletion in a summary.
    #[must_use]
    pub fn entry(&self, replica_name: ReplicaName) -> Entry {
        match self {
            Self::File(record) => Entry::file(replica_name, &record.seal),
            Self::Deleted(tombstone) => Entry::deleted(replica_name, tombstone.version),
        }
    }
}

//! The messages and their encoding (postcard, with the variants in wire order: new ones go to the end). Framing is left
//! to `wire`, and what a message makes a node do is left to `node`.

use serde::{Deserialize, Serialize};

use super::bounded::bounded;
use super::whereabouts::Whereabouts;
use crate::crypto::{Iv, NameCount, NodeId, ReplicaName, Seal, Tombstone, Version};
use crate::limits::{LEAF_PAGE_MAX, MESSAGE_BYTES_MAX};
use crate::replication::{Entry, Print};
use crate::time::UnixMillis;

/// One message. Each variant says what place it has in an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Opens a store: a sealed file of `sealed_bytes` follows, at once if it is small, else after
    /// [`Proceed`](Self::Proceed). Then [`Sealed`](Self::Sealed), then the answer.
    StoreFile {
        /// The owner of the file; it must be the asking peer itself.
        owner: NodeId,
        /// The name of the file.
        replica_name: ReplicaName,
        /// The version that is stored.
        version: Version,
        /// The length of the sealed file: 16 bytes more than the plaintext.
        sealed_bytes: u64,
    },
    /// Ends the stream of a store, and says what the bytes must be.
    Sealed(Seal),
    /// Answers a store: the replica is durable.
    Stored,
    /// Opens a get: does this node hold the file?
    GetFile {
        /// The owner of the file; it must be the asking peer itself.
        owner: NodeId,
        /// The name of the file.
        replica_name: ReplicaName,
    },
    /// Answers a get. The sealed file follows, at once if it is small, else after [`Proceed`](Self::Proceed).
    Found(Seal),
    /// Answers a get: this node holds no such replica.
    NotFound,
    /// Lets the other side stream a large file. A node that does not want it closes the connection instead.
    Proceed,
    /// Opens a heartbeat, on a control connection only.
    Heartbeat {
        /// The print of what this side holds of the other side's files; `None` if its disk fails.
        held: Option<Print>,
        /// Whether this side sees two nodes with the other side's identity.
        has_twin: bool,
        /// Where peers are.
        whereabouts: Whereabouts,
    },
    /// Answers a heartbeat. The first answer comes at once, the others after at most the heartbeat interval.
    Alive {
        /// How many connections the answering side wants opened to ask on.
        connections_wanted: u8,
        /// The print of what this side holds of the other side's files; `None` if its disk fails.
        held: Option<Print>,
        /// Whether this side sees two nodes with the other side's identity.
        has_twin: bool,
        /// Where peers are.
        whereabouts: Whereabouts,
    },
    /// Answers any message: it was not done.
    Refused(Refusal),
    /// Answers a store or a deletion: the disk failed at its commit, so it is perhaps durable.
    PerhapsStored,
    /// Opens a comparison: what does this node hold of the asking peer's files?
    Summarise {
        /// The group whose leaves are asked for; `None` asks for all groups.
        group: Option<u8>,
    },
    /// Answers a comparison: 64 prints.
    Summary(#[serde(deserialize_with = "bounded::<_, _, 64>")] Vec<Print>),
    /// Opens a listing of one leaf of the asking peer's files.
    ListLeaf {
        /// The number of the leaf, 0 to 4,095.
        leaf: u16,
        /// The last name of the page before.
        after: Option<ReplicaName>,
    },
    /// Answers a listing: the next page, in the order of the names. Empty at the end.
    Leaf(#[serde(deserialize_with = "bounded::<_, _, LEAF_PAGE_MAX>")] Vec<Entry>),
    /// Opens a check: does this node hold a good replica of this file of the asking peer's?
    CheckFile {
        /// The name of the file.
        replica_name: ReplicaName,
    },
    /// Answers a check: the replica is good.
    Checked {
        /// The seal of the replica.
        seal: Seal,
        /// The IV that the replica begins with.
        iv: Iv,
        /// When the replica's bytes were last compared with the seal, by the answering side's clock.
        verified: UnixMillis,
    },
    /// Answers a get or a check: the owner deleted the file everywhere.
    Gone(Tombstone),
    /// Opens a deletion of a file of the asking peer's: no older version is to come back.
    DeleteFile {
        /// The name of the file.
        replica_name: ReplicaName,
        /// The owner's proof.
        tombstone: Tombstone,
    },
    /// Answers a deletion: it is durable.
    Deleted,
    /// Opens a release: this node may drop its replica of a file of the asking peer's, because others hold the file.
    ReleaseFile {
        /// The name of the file.
        replica_name: ReplicaName,
        /// The only version that is released.
        version: Version,
    },
    /// Answers a release: the replica is not held any more.
    Released,
    /// Has this node keep how many names the asking peer has.
    NoteCount(NameCount),
    /// Answers a count: it, or a newer one, is durable.
    Noted,
    /// Asks for the count that this node keeps for the asking peer.
    AskCount,
    /// Answers with the count.
    Count(NameCount),
    /// Has this node compare its replica of a file of the asking peer's with the seal. Of a replica that a check does
    /// not read it compares the next part, on each connection from the start.
    VerifyFile {
        /// The name of the file.
        replica_name: ReplicaName,
    },
    /// Answers a verification: a part was read, and it is not the last. The answer to the last part is that of a check.
    Verifying,
}

/// Why a peer did not do what it was asked. After a refusal nothing has changed on its side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The asking peer is not the owner: only the owner may store and get in a namespace.
    #[error("it serves a namespace to its owner only")]
    NotOwner,
    /// The peer has a newer version, or other bytes under the same version.
    #[error("it already holds {held} of this file")]
    Stale {
        /// The version that the peer has.
        held: Version,
    },
    /// The bytes that arrived do not have the digest that was announced; they were dropped.
    #[error("the bytes that arrived do not match their digest")]
    Damaged,
    /// The copy that the peer holds is damaged.
    #[error("its own copy is damaged")]
    Rotten,
    /// The file is larger than the peer takes.
    #[error("the file is larger than it takes")]
    TooLarge,
    /// The peer's disk is full; its older version is intact.
    #[error("its disk is full")]
    DiskFull,
    /// The peer's disk failed.
    #[error("its disk failed")]
    DiskFailed,
    /// The exchange is not one that this protocol has.
    #[error("it did not expect this message")]
    Unexpected,
    /// The owner's replicas would take up more bytes than the peer keeps for one owner.
    #[error("it keeps no more than {max} bytes for one owner")]
    QuotaBytes {
        /// The most sealed bytes that it keeps.
        max: u64,
    },
    /// The owner would have more replicas than the peer keeps for one owner.
    #[error("it keeps no more than {max} files for one owner")]
    QuotaFiles {
        /// The most replicas that it keeps.
        max: u64,
    },
    /// The owner has deleted more files than the peer remembers.
    #[error("it remembers no more deletions for one owner")]
    QuotaDeleted,
}

impl Refusal {
    /// Whether the peer can take nothing more, whoever offers it: it has no room or no disk for it.
    #[must_use]
    pub fn is_about_the_taker(&self) -> bool {
        self.is_about_the_disk() || self.is_about_the_quota()
    }

    /// Whether the peer's disk has no room, or fails.
    #[must_use]
    pub fn is_about_the_disk(&self) -> bool {
        matches!(self, Self::DiskFull | Self::DiskFailed)
    }

    /// Whether the peer takes no more than it has chosen to: it says the same until it holds something else, or has
    /// started with other options.
    #[must_use]
    pub fn is_about_the_quota(&self) -> bool {
        match self {
            Self::TooLarge | Self::QuotaBytes { .. } | Self::QuotaFiles { .. } | Self::QuotaDeleted => true,
            Self::DiskFull | Self::DiskFailed => false,
            Self::NotOwner | Self::Stale { .. } | Self::Damaged | Self::Rotten | Self::Unexpected => false,
        }
    }
}

/// Why bytes are not a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are more bytes than any message has.
    #[error("a message of {bytes} bytes is longer than {MESSAGE_BYTES_MAX}")]
    TooLong {
        /// The length of the bytes.
        bytes: usize,
    },
    /// The bytes are not the encoding of a message.
    #[error("the message is malformed")]
    Malformed,
    /// Bytes are left over after the message.
    #[error("{bytes} bytes follow the message")]
    Trailing {
        /// How many bytes are left over.
        bytes: usize,
    },
}

impl Message {
    /// Returns the encoded message, without the frame around it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("every message encodes")
    }

    /// Reads the message that the bytes encode.
    ///
    /// # Errors
    /// Refuses all bytes that [`encode`](Self::encode) does not produce within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLong { bytes: bytes.len() });
        }
        let (message, rest) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Malformed)?;
        if rest.is_empty() { Ok(message) } else { Err(DecodeError::Trailing { bytes: rest.len() }) }
    }

    /// Whether it does no harm if a peer takes the message twice, and the first one perhaps after the second. A version
    /// that is stored, deleted or counted stays below what came later. A release does not: the peer may have been sent
    /// the same version again meanwhile.
    pub(crate) fn may_be_repeated(&self) -> bool {
        !matches!(self, Self::ReleaseFile { .. })
    }

    /// Returns the name of the message, for errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::StoreFile { .. } => "store-file",
            Self::Sealed(_) => "sealed",
            Self::Stored => "stored",
            Self::GetFile { .. } => "get-file",
            Self::Found(_) => "found",
            Self::NotFound => "not-found",
            Self::Proceed => "proceed",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Alive { .. } => "alive",
            Self::Refused(_) => "refused",
            Self::PerhapsStored => "perhaps-stored",
            Self::Summarise { .. } => "summarise",
            Self::Summary(_) => "summary",
            Self::ListLeaf { .. } => "list-leaf",
            Self::Leaf(_) => "leaf",
            Self::CheckFile { .. } => "check-file",
            Self::Checked { .. } => "checked",
            Self::Gone(_) => "gone",
            Self::DeleteFile { .. } => "delete-file",
            Self::Deleted => "deleted",
            Self::ReleaseFile { .. } => "release-file",
            Self::Released => "released",
            Self::NoteCount(_) => "note-count",
            Self::Noted => "noted",
            Self::AskCount => "ask-count",
            Self::Count(_) => "count",
            Self::VerifyFile { .. } => "verify-file",
            Self::Verifying => "verifying",
        }
    }
}

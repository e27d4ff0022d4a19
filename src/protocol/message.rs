//! The messages and their encoding (postcard, with the variants in wire order: new ones go to the end).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::crypto::{HashedKey, Iv, NodeId, Seal, Tombstone, Version};
use crate::limits::{LEAF_PAGE_MAX, MESSAGE_BYTES_MAX};
use crate::replication::{Entry, Print};
use crate::time::UnixMillis;

/// One message. The comments give the exchange: what may come before and what answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Opens a store: a sealed file of `sealed_bytes` follows, at once where it is small, else after
    /// [`Proceed`](Self::Proceed). Then [`Sealed`](Self::Sealed), then the answer.
    StoreFile {
        /// Whose file; it must be the asking peer itself.
        owner: NodeId,
        /// Which file.
        hashed: HashedKey,
        /// How new.
        version: Version,
        /// The length of the sealed file: plaintext and 16.
        sealed_bytes: u64,
    },
    /// Ends the stream of a store: what the bytes must be.
    Sealed(Seal),
    /// Answers a store: the replica is durable.
    Stored,
    /// Opens a get: who has this file?
    GetFile {
        /// Whose file; it must be the asking peer itself.
        owner: NodeId,
        /// Which file.
        hashed: HashedKey,
    },
    /// Answers a get. The sealed file follows, at once where it is small, else after [`Proceed`](Self::Proceed).
    Found(Seal),
    /// Answers a get: this node holds no such replica.
    NotFound,
    /// Lets the other side stream a large file. Who does not want it closes the connection instead.
    Proceed,
    /// Opens a heartbeat, on a control connection only.
    Heartbeat {
        /// What this side holds of the other side's files; nothing where its disk fails.
        held: Option<Print>,
    },
    /// Answers a heartbeat, the first one at once and others after at most the heartbeat interval.
    Alive {
        /// How many connections the answering side wants opened to ask on.
        connections_wanted: u8,
        /// What this side holds of the other side's files; nothing where its disk fails.
        held: Option<Print>,
    },
    /// Answers anything: it was not done.
    Refused(Refusal),
    /// Answers a store or a deletion: the disk failed at its commit, and it may be durable or not.
    PerhapsStored,
    /// Opens a comparison: what is held of the asking peer's files?
    Summarise {
        /// The leaves of this group, or else all groups.
        group: Option<u8>,
    },
    /// Answers a comparison: 64 prints.
    Summary(#[serde(deserialize_with = "bounded::<_, _, 64>")] Vec<Print>),
    /// Opens a listing of one leaf of the asking peer's files.
    ListLeaf {
        /// Which leaf, 0 to 4,095.
        leaf: u16,
        /// Where the page before ended.
        after: Option<HashedKey>,
    },
    /// Answers a listing: the next page, in the order of the names. Empty at the end.
    Leaf(#[serde(deserialize_with = "bounded::<_, _, LEAF_PAGE_MAX>")] Vec<Entry>),
    /// Opens a check: is there a good replica of this file of the asking peer's?
    CheckFile {
        /// Which file.
        hashed: HashedKey,
    },
    /// Answers a check: yes.
    Checked {
        /// What it is.
        seal: Seal,
        /// The IV that it begins with.
        iv: Iv,
        /// When its bytes were last compared with the seal, by the answering side's clock.
        verified: UnixMillis,
    },
    /// Answers a get or a check: the owner deleted it everywhere.
    Gone(Tombstone),
    /// Opens a deletion of a file of the asking peer's: nothing older is to come back.
    DeleteFile {
        /// Which file.
        hashed: HashedKey,
        /// The owner's word.
        tombstone: Tombstone,
    },
    /// Answers a deletion: it is durable.
    Deleted,
    /// Opens a release of a replica of the asking peer's: others hold the file.
    ReleaseFile {
        /// Which file.
        hashed: HashedKey,
        /// Only this version of it.
        version: Version,
    },
    /// Answers a release: the replica is not held any more.
    Released,
}

/// Why a peer did not do what it was asked. Where it says so, nothing has changed on its side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Only the owner may store and get in a namespace.
    #[error("it serves a namespace to its owner only")]
    NotOwner,
    /// The peer has a newer version, or other bytes under the same version.
    #[error("it already holds {held} of this file")]
    Stale {
        /// What it has.
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
    /// The owner's replicas would take up more bytes than the peer gives to one owner.
    #[error("it keeps no more than {max} bytes for one owner")]
    QuotaBytes {
        /// Sealed bytes.
        max: u64,
    },
    /// The owner would have more replicas than the peer keeps for one owner.
    #[error("it keeps no more than {max} files for one owner")]
    QuotaFiles {
        /// How many.
        max: u64,
    },
    /// The owner has deleted more files than the peer remembers.
    #[error("it remembers no more deletions for one owner")]
    QuotaDeleted,
}

/// Why bytes are not a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than any message has.
    #[error("a message of {bytes} bytes is longer than {MESSAGE_BYTES_MAX}")]
    TooLong {
        /// The length.
        bytes: usize,
    },
    /// The bytes are not the encoding of a message.
    #[error("the message is malformed")]
    Malformed,
    /// Bytes are left over after the message.
    #[error("{bytes} bytes follow the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// A list of at most so many elements. Nothing is reserved for a length that is only claimed.
fn bounded<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = elements.next_element()? {
                if list.len() == MAX {
                    return Err(serde::de::Error::invalid_length(MAX + 1, &self));
                }
                list.push(element);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

impl Message {
    /// The encoded message, without the frame around it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("every message encodes")
    }

    /// The message that the bytes encode.
    ///
    /// # Errors
    /// For all bytes that [`encode`](Self::encode) does not produce within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLong { bytes: bytes.len() });
        }
        let (message, rest) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Malformed)?;
        if rest.is_empty() { Ok(message) } else { Err(DecodeError::Trailing { bytes: rest.len() }) }
    }

    /// The name of the message, for errors.
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
        }
    }
}

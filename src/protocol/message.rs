//! The messages and their encoding (postcard, with the variants in wire order: new ones go to the end).

use serde::{Deserialize, Serialize};

use crate::crypto::{HashedKey, NodeId, Seal, Version};
use crate::limits::MESSAGE_BYTES_MAX;

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
    Heartbeat,
    /// Answers a heartbeat after at most the heartbeat interval.
    Alive {
        /// How many connections the answering side wants opened to ask on.
        connections_wanted: u8,
    },
    /// Answers anything: it was not done.
    Refused(Refusal),
    /// Answers a store: the disk failed while the replica was committed, and it may be durable or not.
    PerhapsStored,
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
            Self::Heartbeat => "heartbeat",
            Self::Alive { .. } => "alive",
            Self::Refused(_) => "refused",
            Self::PerhapsStored => "perhaps-stored",
        }
    }
}

//! Why a peer, or one file of it, was not repaired.

use crate::crypto::MetadataError;
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::get::NewerError;
use crate::node::peers::pool::{AskError, LeaseError};
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StorageError;

/// Why a peer, or one file of it, was not repaired. The next repair tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RepairError {
    /// The own data directory failed.
    #[error(transparent)]
    Disk(#[from] StorageError),
    /// The peer could not be asked, or the exchange broke off.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The peer said no.
    #[error(transparent)]
    Refused(Refusal),
    /// The peer did not take the replica.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A newer version was not taken from the peer.
    #[error(transparent)]
    Newer(#[from] NewerError),
    /// The metadata of a file do not open.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The peer answered with a message that answers something else.
    #[error("it answered {question} with {answer}")]
    Answer {
        /// What was asked.
        question: &'static str,
        /// What came.
        answer: &'static str,
    },
    /// The own summary has fewer groups than the peer's.
    #[error("there is no such group")]
    NoGroup,
    /// The listing of a leaf does not go on where it ended, or has no end.
    #[error("its listing is out of order or too long")]
    Listing,
    /// The seal or the tombstone is not this node's.
    #[error("what it has is not from this node")]
    NotOurs,
    /// The peer has listed what it does not give.
    #[error("it does not have what it has listed")]
    NotListed,
    /// The older version may be held by a peer that cannot be asked.
    #[error("another peer that may hold it is away")]
    OtherAway,
    /// No connected peer can give the replica.
    #[error("no other peer has it")]
    NoOther,
}

impl From<LeaseError> for RepairError {
    fn from(error: LeaseError) -> Self {
        Self::Ask(error.into())
    }
}

impl From<WireError> for RepairError {
    fn from(error: WireError) -> Self {
        Self::Ask(error.into())
    }
}

/// Returns the error for an answer that does not answer the question.
pub(super) fn other_answer(question: &'static str, answer: Message) -> RepairError {
    match answer {
        Message::Refused(refusal) => RepairError::Refused(refusal),
        other => RepairError::Answer { question, answer: other.name() },
    }
}

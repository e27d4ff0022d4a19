//! Why a peer, or one of its replicas, could not be repaired.

use crate::crypto::MetadataError;
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::get::NewerError;
use crate::node::peers::pool::{AskError, LeaseError};
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StorageError;

/// Why a peer, or one of its replicas, was not repaired. The next repair tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RepairError {
    /// The own data directory failed.
    #[error(transparent)]
    Disk(#[from] StorageError),
    /// The peer could not be asked, or the exchange broke off.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The peer refused.
    #[error(transparent)]
    Refused(Refusal),
    /// The peer did not take the replica.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A newer version was not taken from the peer.
    #[error(transparent)]
    Newer(#[from] NewerError),
    /// The metadata of a file cannot be opened.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The peer gave an answer that belongs to another question.
    #[error("it answered {question} with {answer}")]
    Answer {
        /// The question that was asked.
        question: &'static str,
        /// The message that came.
        answer: &'static str,
    },
    /// The own summary does not have a group that the peer's has.
    #[error("there is no such group")]
    NoGroup,
    /// A page of a listing does not begin after the page before, leaves its leaf, or makes the listing too long.
    #[error("its listing is out of order or too long")]
    Listing,
    /// The peer's seal or tombstone is not from this node.
    #[error("what it has is not from this node")]
    NotOurs,
    /// The peer does not give what it has listed.
    #[error("it does not have what it has listed")]
    NotListed,
    /// The version to be replaced may be held by a peer that cannot be asked.
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

//! Why a peer, or one of its replicas, could not be repaired.

use crate::crypto::{MetadataError, NodeId};
use crate::event::{Event, FetchAnswer};
use crate::node::handle::errors::ReplicaError;
use crate::node::owner::get::{NewerError, ReceiveError};
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
    /// The disk of the peer failed when its node was to do something: it is done, or it is not.
    #[error("its disk failed at {question}, which may have been done")]
    Unconfirmed {
        /// What it was to do.
        question: &'static str,
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
    /// No connected peer can give the replica.
    #[error("no other peer has it")]
    NoOther,
    /// A peer did not give a replica that another one lacks.
    #[error("{} did not give it: {reason}", peer.short())]
    NotGiven {
        /// The peer that was to give the replica.
        peer: NodeId,
        /// Why it did not.
        reason: Box<RepairError>,
    },
    /// A peer did not take a replica that another one gave.
    #[error("{} did not take it: {reason}", peer.short())]
    NotTaken {
        /// The peer that was to take the replica.
        peer: NodeId,
        /// Why it did not.
        reason: Box<RepairError>,
    },
    /// The peer's summary says that leaves differ, and its listings of them do not.
    #[error("{}", Event::UNLIKE)]
    Unlike,
    /// So much of what differed does not differ any more that a new look is cheaper.
    #[error("what differs has changed meanwhile")]
    Changed,
    /// Too much of what the peer claims to have is not from this node, or is not there.
    #[error("{}", Event::UNPROVEN)]
    Unproven,
}

impl RepairError {
    /// Whether a repair of this peer ends with the error: the peer does not answer, and the next file would have to
    /// wait for it as well.
    pub(super) fn ends_repair_of(&self, peer: NodeId) -> bool {
        match self {
            Self::Ask(_)
            | Self::Replica(ReplicaError::Unreachable { .. } | ReplicaError::Unconfirmed { .. })
            | Self::Newer(NewerError::Answer(FetchAnswer::Failed(_)) | NewerError::Receive(ReceiveError::Wire(_)))
            | Self::Unproven => true,
            Self::NotTaken { peer: taking, reason } => *taking == peer && reason.ends_repair_of(peer),
            _ => false,
        }
    }

    /// Whether this peer has failed, and not another one or the own disk.
    pub(super) fn is_of(&self, peer: NodeId) -> bool {
        match self {
            Self::NotTaken { peer: taking, .. } => *taking == peer,
            Self::NotGiven { .. } | Self::NoOther | Self::NoGroup | Self::Disk(_) => false,
            Self::Newer(NewerError::Disk(_)) => false,
            Self::Newer(NewerError::Receive(
                ReceiveError::Disk(_) | ReceiveError::Outdated | ReceiveError::Deleted,
            )) => false,
            _ => true,
        }
    }

    /// Whether a peer has no room for a replica, or no disk. It says so each time that it is offered.
    pub(super) fn is_about_the_taker(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_about_the_taker)
    }

    /// Returns why a peer did not take a replica, wherever that came from, or not what else it was asked for.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NotTaken { reason, .. } => reason.refusal(),
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the peer has claimed what it cannot prove.
    pub(super) fn is_unproven(&self) -> bool {
        matches!(self, Self::NotOurs | Self::NotListed | Self::Metadata(_) | Self::Answer { .. })
    }
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
        Message::PerhapsStored => RepairError::Unconfirmed { question },
        other => RepairError::Answer { question, answer: other.name() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_failed_only_if_it_was_that_peer() {
        let (peer, other) = (NodeId([1; 32]), NodeId([2; 32]));
        let reason = || Box::new(RepairError::NotListed);
        let is_of_peer = |error: RepairError| error.is_of(peer);
        assert!(is_of_peer(RepairError::NotListed));
        assert!(is_of_peer(RepairError::NotTaken { peer, reason: reason() }));
        assert!(!is_of_peer(RepairError::NotTaken { peer: other, reason: reason() }));
        assert!(!is_of_peer(RepairError::NotGiven { peer: other, reason: reason() }));
        assert!(!is_of_peer(RepairError::NoOther));
    }

    #[test]
    fn a_peer_whose_disk_fails_claims_nothing() {
        assert!(other_answer("a deletion", Message::NotFound).is_unproven());
        assert!(!other_answer("a deletion", Message::PerhapsStored).is_unproven());
        assert!(!other_answer("a listing", Message::Refused(Refusal::DiskFailed)).is_unproven());
    }
}

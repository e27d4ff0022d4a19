//! Answers to a peer that is refused.

use crate::crypto::NodeId;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StorageError;

impl<P: Platform> Context<P> {
    /// Returns the answer that refuses a request, and counts the request if the peer asked for what it may not have. A
    /// disk that fails is told here as well: its owner is who can do something about it.
    pub(super) fn refuse(&self, peer: NodeId, refused: impl Into<Refused>) -> Message {
        let refusal = match refused.into() {
            Refused::Rule(refusal) => {
                if let Some(event) = self.holder.refusals.note(peer, &refusal) {
                    self.tell(&event);
                }
                refusal
            }
            Refused::Disk(error) => {
                self.note_failure(peer, &error);
                if error.is_full() { Refusal::DiskFull } else { Refusal::DiskFailed }
            }
        };
        Message::Refused(refusal)
    }

    /// Returns the answer to a change that may have been made or not, because this node's disk has failed.
    pub(super) fn perhaps(&self, peer: NodeId, error: &StorageError) -> Message {
        self.note_failure(peer, error);
        Message::PerhapsStored
    }

    fn note_failure(&self, peer: NodeId, error: &StorageError) {
        if let Some(event) = self.holder.refusals.note_failure(peer, error) {
            self.tell(&event);
        }
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// This may not be, or is not.
    Rule(Refusal),
    /// This node's disk fails.
    Disk(StorageError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Rule(refusal)
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::Disk(error)
    }
}

/// Returns the error of an exchange in which `came` arrived instead of the expected message.
pub(super) fn unexpected(expected: &'static str, came: Result<Message, WireError>) -> WireError {
    match came {
        Ok(message) => WireError::Unexpected { expected, found: message.name() },
        Err(error) => error,
    }
}

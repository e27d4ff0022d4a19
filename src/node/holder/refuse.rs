//! Answers to a peer that is refused.

use crate::crypto::NodeId;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StorageError;

impl<P: Platform> Context<P> {
    /// Returns the answer that refuses a request, and counts the request if the peer asked for what it may not have.
    pub(super) fn refuse(&self, peer: NodeId, refusal: Refusal) -> Message {
        if let Some(event) = self.holder.refusals.note(peer, &refusal) {
            self.tell(&event);
        }
        Message::Refused(refusal)
    }
}

/// Returns what a peer is told if this node's disk fails.
pub(super) fn refusal_for(error: &StorageError) -> Refusal {
    if error.is_full() { Refusal::DiskFull } else { Refusal::DiskFailed }
}

/// Returns the error of an exchange in which `came` arrived instead of the expected message.
pub(super) fn unexpected(expected: &'static str, came: Result<Message, WireError>) -> WireError {
    match came {
        Ok(message) => WireError::Unexpected { expected, found: message.name() },
        Err(error) => error,
    }
}

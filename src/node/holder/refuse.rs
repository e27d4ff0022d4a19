//! Says no to a peer.

use crate::crypto::NodeId;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StorageError;

impl<P: Platform> Context<P> {
    /// Counts what a peer asked for and may not have, and returns the answer.
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

/// Returns the error of an exchange in which something else came than what was expected.
pub(super) fn unexpected(expected: &'static str, came: Result<Message, WireError>) -> WireError {
    match came {
        Ok(message) => WireError::Unexpected { expected, found: message.name() },
        Err(error) => error,
    }
}

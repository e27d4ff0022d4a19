//! What the calls of a node fail with. Every error of a change says whether it happened.

use serde::{Deserialize, Serialize};

use crate::event::count_peers;
use crate::membership::MembersError;
use crate::protocol::{Refusal, WireError};
use crate::store;

/// Why a file was not stored, or may not have been. There is no third case, so callers match both.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Certainly not stored: the old version stands, here and for every later `get`.
    #[error("not stored: {0}")]
    Rejected(#[source] StoreFault),
    /// Perhaps stored: the old or the new version stands, never a mixture.
    #[error("perhaps stored: {0}")]
    Unconfirmed(#[source] StoreFault),
}

/// What went wrong while a file was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// The content could not be read.
    #[error("the content could not be read: {0}")]
    Content(#[source] std::io::Error),
    /// The content was not as long as was said.
    #[error("the content has {found} bytes, {expected} were announced")]
    Size {
        /// The announced length.
        expected: u64,
        /// How much there was; one more than announced where it went on.
        found: u64,
    },
    /// The content is longer than any file may be.
    #[error("a file has at most {max} bytes")]
    TooLarge {
        /// The bound.
        max: u64,
    },
    /// The file is durable here, and at fewer peers than were asked for. Repair goes on.
    #[error("it is durable here and at {}, {wanted} were asked for", count_peers(*.found))]
    TooFewReplicas {
        /// How many were asked for.
        wanted: usize,
        /// How many peers have it durably.
        found: usize,
    },
    /// Whoever called for the store stopped waiting before the end of the content.
    #[error("the caller has gone away")]
    CallerGone,
    /// The data directory failed.
    #[error(transparent)]
    Disk(store::StorageError),
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why a peer has no replica, or may have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ReplicaError {
    /// The peer said no.
    #[error("it refused: {0}")]
    Refused(#[source] Refusal),
    /// There is no connection to it.
    #[error("it could not be reached: {reason}")]
    Unreachable {
        /// Why not.
        reason: String,
    },
    /// The exchange broke off; the peer may have the replica.
    #[error("perhaps stored there: {reason}")]
    Unconfirmed {
        /// How.
        reason: String,
    },
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// This node has stored no such file, and every peer was asked and has none.
    #[error("nobody has it: not this node, and none of {} asked", count_peers(*.asked))]
    NotFound {
        /// How many peers answered.
        asked: usize,
    },
    /// It was deleted everywhere.
    #[error("it was deleted, here and at the peers")]
    Deleted,
    /// This node has stored it, and there is no copy here or at a peer that it knows. Another peer may have one.
    #[error("it was stored, and no copy was found: not here, and at none of {} asked", count_peers(*.asked))]
    NoCopy {
        /// How many peers answered.
        asked: usize,
    },
    /// Nobody who could be asked has it, and some peers could not be asked.
    #[error("not found so far: {unreachable} of {} could not be asked", count_peers(*.peers))]
    Unreachable {
        /// The peers that are away or broke off.
        unreachable: usize,
        /// All known peers.
        peers: usize,
    },
    /// There are copies, and none of those that were reached is what was stored.
    #[error("every copy that was reached is damaged: {damaged} damaged, {} could not be asked", count_peers(*.unreachable))]
    Damaged {
        /// The damaged copies, the local one included.
        damaged: usize,
        /// The peers that are away or broke off.
        unreachable: usize,
    },
    /// Only versions older than the one acknowledged last were found.
    #[error("only older versions were found, at {}; {unreachable} could not be asked", count_peers(*.stale))]
    Stale {
        /// The peers with an older version.
        stale: usize,
        /// The peers that are away or broke off.
        unreachable: usize,
    },
    /// The data directory failed.
    #[error(transparent)]
    Disk(store::StorageError),
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why a local copy was not deleted, or may not have been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// There is no local copy.
    #[error("there is no local copy of it")]
    NotFound,
    /// It is not the version that was to be deleted; nothing was.
    #[error("not deleted: it was stored again meanwhile")]
    Changed,
    /// The disk failed; the local copy may be there or not.
    #[error("perhaps deleted: {0}")]
    Unconfirmed(#[source] store::StorageError),
    /// The data directory could not be read; nothing was deleted.
    #[error("not deleted: {0}")]
    Rejected(#[source] store::StorageError),
    /// The node stopped before or during the call.
    #[error("perhaps deleted: the node has stopped")]
    Stopped,
}

/// Why a node cannot say something of its own files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatError {
    /// It has never stored a file of that name.
    #[error("this node has stored no such file")]
    NotFound,
    /// The data directory failed.
    #[error(transparent)]
    Disk(store::StorageError),
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why the list of members was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// It has no room, or could not be written.
    #[error(transparent)]
    List(#[from] MembersError),
    /// The node stopped; the change is in force at the next start, or is not.
    #[error("the node has stopped")]
    Stopped,
}

/// Why the content of a found file could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The local disk failed.
    #[error(transparent)]
    Disk(#[from] store::StorageError),
    /// The local copy was changed while it was read. What was handed over is not the whole file; another `get`
    /// asks the peers.
    #[error("the local copy was damaged while it was read")]
    Damaged,
    /// The node stopped before the end.
    #[error("the node stopped before the end of the file")]
    Stopped,
}

/// When the node stopped.
pub(in crate::node) enum Stopped {
    /// The call did not reach it.
    BeforeCall,
    /// The call may have begun.
    DuringCall,
}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::BeforeCall => Self::Rejected(StoreFault::Stopped),
            Stopped::DuringCall => Self::Unconfirmed(StoreFault::Stopped),
        }
    }
}

macro_rules! stopped {
    ($($error:ty),*) => {$(
        impl From<Stopped> for $error {
            fn from(_: Stopped) -> Self {
                Self::Stopped
            }
        }
    )*};
}
stopped!(GetError, DeleteError, StatError, MemberError);

impl From<WireError> for ReplicaError {
    fn from(error: WireError) -> Self {
        Self::Unconfirmed { reason: error.to_string() }
    }
}

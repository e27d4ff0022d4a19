//! What the calls of a node fail with. Every error of a call that changes something says whether the change happened.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::crypto::NodeId;
use crate::event::count_peers;
use crate::limits::DISK_CHECK_TIMEOUT;
use crate::membership::MembersError;
use crate::protocol::{Refusal, WireError};
use crate::store;
use crate::transport::Address;

/// Why a file was not stored, or may not have been. There is no third case, so callers match both.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is certainly not stored: the old version stands, here and for every later `get`.
    #[error("not stored: {0}")]
    Rejected(#[source] StoreFault),
    /// The file is perhaps stored: the old or the new version stands, never a mixture.
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
    /// The content was not as long as announced.
    #[error("the content has {found} bytes, {expected} were announced")]
    Size {
        /// The announced length.
        expected: u64,
        /// How many bytes came; one more than announced if the content went on.
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
        /// How many peers were asked for.
        wanted: usize,
        /// How many peers have the file durably.
        found: usize,
    },
    /// The caller stopped waiting before the end of the content.
    #[error("the caller has gone away")]
    CallerGone,
    /// The data directory failed.
    #[error(transparent)]
    Disk(store::StorageError),
    /// There is no fresh entropy for the IVs of the file.
    #[error("the operating system gives no entropy: {0}")]
    NoEntropy(#[source] std::io::Error),
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why a peer has no replica, or may have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ReplicaError {
    /// The peer refused the replica.
    #[error("it refused: {0}")]
    Refused(#[source] Refusal),
    /// There is no connection to the peer.
    #[error("it could not be reached: {reason}")]
    Unreachable {
        /// Why not.
        reason: String,
    },
    /// The exchange broke off; the peer may have the replica.
    #[error("perhaps stored there: {reason}")]
    Unconfirmed {
        /// How the exchange broke off.
        reason: String,
    },
}

/// A peer that could not be asked for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Its id; `None` if it has not been connected yet.
    pub peer: Option<NodeId>,
    /// Where it is dialled, or was, if that is known.
    pub address: Option<Address>,
    /// Why it could not be asked.
    pub reason: String,
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.peer, &self.address) {
            (Some(peer), _) => f.write_str(&peer.short())?,
            (None, Some(address)) => write!(f, "{address}")?,
            (None, None) => f.write_str("another peer")?,
        }
        write!(f, " ({})", self.reason)
    }
}

/// Why a file could not be got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// This node has stored no such file, and every peer was asked and has none.
    #[error("nobody has it: not this node, and none of {} asked", count_peers(*.asked))]
    NotFound {
        /// How many peers answered.
        asked: usize,
    },
    /// The file was deleted everywhere.
    #[error("it was deleted, here and at the peers")]
    Deleted,
    /// This node has stored the file, and there is no copy here or at any peer that it knows. Another peer may have
    /// one.
    #[error("it was stored, and no copy was found: not here, and at none of {} asked", count_peers(*.asked))]
    NoCopy {
        /// How many peers answered.
        asked: usize,
    },
    /// No peer that could be asked has the file, and some peers could not be asked.
    #[error("not found so far: {} of {} could not be asked: {}", .unasked.len(), count_peers(*.peers), list(.unasked))]
    Unreachable {
        /// The peers that are away or broke off.
        unasked: Vec<Unasked>,
        /// How many peers are known.
        peers: usize,
    },
    /// There are copies, and none of the copies that were reached is what was stored.
    #[error(
        "every copy that was reached is damaged: {damaged} damaged, {} could not be asked",
        count_peers(*.unreachable)
    )]
    Damaged {
        /// How many copies are damaged, the local one included.
        damaged: usize,
        /// How many peers are away or broke off.
        unreachable: usize,
    },
    /// Only versions older than the last acknowledged one were found.
    #[error("only older versions were found, at {}; {unreachable} could not be asked", count_peers(*.stale))]
    Stale {
        /// How many peers have an older version.
        stale: usize,
        /// How many peers are away or broke off.
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
    /// The current version is not the one that was to be deleted; nothing was deleted.
    #[error("not deleted: another version is the current one")]
    Changed,
    /// Too few peers hold the current version, so the local copy may be the only one; nothing was deleted.
    #[error("not deleted: {}", too_few(*.wanted, *.found, *.asked))]
    TooFewReplicas {
        /// How many peers had to hold it.
        wanted: usize,
        /// How many peers compared the whole of their replica and found it good.
        found: usize,
        /// How many peers were connected.
        asked: usize,
    },
    /// The disk failed; the deletion may have happened or not.
    #[error("perhaps deleted: {0}")]
    Unconfirmed(#[source] store::StorageError),
    /// The data directory could not be read; nothing was deleted.
    #[error("not deleted: {0}")]
    Rejected(#[source] store::StorageError),
    /// The node stopped before or during the call.
    #[error("perhaps deleted: the node has stopped")]
    Stopped,
}

fn list(unasked: &[Unasked]) -> String {
    unasked.iter().map(Unasked::to_string).collect::<Vec<_>>().join(", ")
}

fn too_few(wanted: usize, found: usize, asked: usize) -> String {
    match asked {
        0 => "no peer is connected, so this may be the only copy".to_owned(),
        _ => format!("verified copies at the peers: {found}, wanted: {wanted}"),
    }
}

/// Why a node cannot say something about its own files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatError {
    /// The node knows no file of that name.
    #[error("this node has stored no such file")]
    NotFound,
    /// The file was deleted everywhere.
    #[error("it was deleted, here and at the peers")]
    Deleted,
    /// The data directory failed.
    #[error(transparent)]
    Disk(store::StorageError),
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why the disk does not count as one that works.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskCheckError {
    /// The data directory failed.
    #[error(transparent)]
    Failed(Arc<store::StorageError>),
    /// The disk has not answered in time. It may do so yet.
    #[error("the disk has not answered within {} seconds", DISK_CHECK_TIMEOUT.as_secs())]
    Silent,
    /// The node stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why the list of members was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// The list has no room, or could not be written.
    #[error(transparent)]
    List(#[from] MembersError),
    /// The node stopped; the change may be in force at the next start or not.
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
    /// The local copy was changed while it was read. The bytes that were handed over are not the whole file; another
    /// `get` asks the peers.
    #[error("the local copy was damaged while it was read")]
    Damaged,
    /// The node stopped before the end.
    #[error("the node stopped before the end of the file")]
    Stopped,
}

/// Whether the node stopped before a call or during it.
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
stopped!(GetError, DeleteError, StatError, MemberError, DiskCheckError);

impl From<WireError> for ReplicaError {
    fn from(error: WireError) -> Self {
        Self::Unconfirmed { reason: error.to_string() }
    }
}

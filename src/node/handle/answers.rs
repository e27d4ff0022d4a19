//! What a node answers to the calls on its handle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::errors::{ReplicaError, StoreError, StoreFault};
use crate::crypto::{Attributes, Digest, Key, NodeId, ReplicaName, Version};
use crate::store::Usage;
use crate::time::UnixMillis;
use crate::transport::Address;

/// A store that was acknowledged: durable on this node's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The version that this store made.
    pub version: Version,
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// What became of the replica at each peer that was connected.
    pub receipts: Vec<Receipt>,
    /// How many known peers were not connected and have no receipt; repair sends them the file when they are back.
    pub away: usize,
}

/// What became of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The peer that was to hold the replica.
    pub peer: NodeId,
    /// `Ok` if the peer has the replica durably on its disk.
    pub outcome: Result<(), ReplicaError>,
}

/// What a node knows of one of its own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// The key of the file.
    pub key: Key,
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// The current version.
    pub version: Version,
    /// When the file was stored, by this node's clock.
    pub modified: UnixMillis,
    /// What the file had beside its content when it was stored, if that was said.
    pub attributes: Option<Attributes>,
    /// BLAKE3 of the sealed bytes that the peers hold.
    pub digest: Digest,
    /// Whether there is a copy on this node's disk. The copy is verified when it is read.
    pub is_local: bool,
}

/// A peer that is connected, or that was configured or connected and is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// The id of the peer, once it is known.
    pub peer: Option<NodeId>,
    /// Where the peer is dialled, if it can be.
    pub address: Option<Address>,
    /// Where this node was told to dial the peer, if the peer is connected in another way: it may have moved.
    pub not_reached_at: Option<Address>,
    /// Whether this node dials the peer, and does not only expect to be dialled.
    pub is_dialled: bool,
    /// Whether the peer is connected.
    pub is_connected: bool,
    /// How far the peer holds this node's current files.
    pub progress: Progress,
    /// How many of the peer's requests were refused: about files of others, or beyond its quota.
    pub refused: u64,
    /// Whether two nodes with the peer's identity are connected.
    pub has_twin: bool,
    /// Whether the peer says that another node with this node's identity is running.
    pub sees_twin: bool,
    /// Whether the last store did not wait for the peer, because others had the file first. Stores leave the peer to
    /// repair until it has taken or refused a file again.
    pub is_slow: bool,
}

/// What there is to tell of the nodes that were ever connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The nodes that are turned away only because the list of members is locked, and they are not on it.
    pub locked_out: Vec<NodeId>,
    /// How many nodes take up one of [`MEMBERS_MAX`](crate::limits::MEMBERS_MAX) places each: those that the list
    /// does not name. Without a place, another one cannot be a peer.
    pub places_taken: usize,
    /// How many of these are not connected.
    pub places_away: usize,
}

/// What one connected peer says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The peer that answered.
    pub peer: NodeId,
    /// What the peer has.
    pub holding: Holding,
}

/// What a peer has of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holding {
    /// The current version.
    Current {
        /// When the peer compared the whole copy with its seal, by the peer's clock.
        verified: UnixMillis,
        /// Whether the peer did so for this answer. If not, it did when it took the file, or at its last scrub.
        is_fresh: bool,
    },
    /// An older version; repair will send the current one to the peer.
    Older {
        /// The version that the peer has.
        version: Version,
    },
    /// A version of this node's that its catalog does not know: a newer one, or other bytes under the same number.
    /// Repair will settle which of the two counts.
    Other {
        /// The version that the peer has.
        version: Version,
    },
    /// Nothing.
    Nothing,
    /// A damaged copy, which the peer no longer counts as held.
    Damaged,
    /// The peer could not be asked.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How many own files there are, whether their local copies are here or not.
    pub files: u64,
    /// How many own files are deleted everywhere, and remembered as such.
    pub deleted: u64,
    /// For how many nodes this disk has replicas.
    pub owners: u64,
    /// What these replicas take up.
    pub held: Usage,
    /// When the last scrub of everything on this disk ended, in the background or on demand, in this start or an
    /// earlier one; `None` if none has.
    pub last_scrub: Option<UnixMillis>,
    /// The version by which a peer has shown that the data directory was put back from an older copy.
    pub rolled_back: Option<Version>,
    /// What the node is busy with.
    pub load: Load,
}

/// What a node is busy with at one moment. All of it is zero while nobody asks a node for anything and no peer lacks
/// anything, except for `tasks` and `connections`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// How many calls of handles are under way, the one that asks not among them.
    pub calls: usize,
    /// How many exchanges with peers this node has begun. Those that wait for a place are not among them.
    pub exchanges: usize,
    /// How many files are locked, or are being looked for at the peers.
    pub locked: usize,
    /// What replicas that are on their way to this disk take up.
    pub arriving: Usage,
    /// How many connections peers have opened here, and this node for peers to ask on; idle ones too.
    pub connections: usize,
    /// How many tasks there are, pieces of work on the disk among them.
    pub tasks: usize,
}

/// What is known of how far a peer's replicas are current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Nothing has been compared since the peer connected.
    Unknown,
    /// The peer held every current file when it last said so; if the node only learns, the peer held nothing that the
    /// node does not know.
    Current,
    /// The peer lacks files, and is being sent them or will be.
    Behind,
}

/// How the repairs of a node's peers go on since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Rises with each file or deletion that a peer has taken, dropped, or told this node of.
    pub steps: u64,
    /// The connected peers that held nothing unknown to this node when they were last compared with it, since they
    /// connected.
    pub compared: Vec<NodeId>,
    /// What connected peers did not take when they were last repaired, because they have no room or keep no more for
    /// this node; or what was not sent because neither this node nor another connected peer gives it.
    pub refusing: BTreeMap<NodeId, Refusing>,
    /// Files and deletions that peers list and could not give, so that this node does not know them. The names are in
    /// order; each peer that lists one counts by itself.
    pub unlearnt: Vec<Unlearnt>,
    /// How many more were found than are noted.
    pub more: u64,
    /// How many names this node has, if it only learns and a peer knows how many there were.
    pub names: Option<Names>,
    /// The version by which a peer has shown that the data directory was put back from an older copy.
    pub rolled_back: Option<Version>,
    /// On how many peers each file is to be; `None` if on all.
    pub wanted: Option<usize>,
}

/// How many names a node has: files, and files that are deleted everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// How many there were when this node last told a peer.
    pub stored: u64,
    /// How many the catalog knows.
    pub known: u64,
}

/// What a peer does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusing {
    /// How many files and deletions it did not take.
    pub files: u64,
    /// Why it did not take the last of them.
    pub reason: String,
}

/// A version of an own file that a peer lists, and that this node does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlearnt {
    /// The name that the peers have for the file.
    pub replica_name: ReplicaName,
    /// The key, if an older version of the file is known.
    pub key: Option<Key>,
    /// The version that the peer lists.
    pub version: Version,
    /// The peer.
    pub peer: NodeId,
    /// Why the peer could not give it.
    pub reason: String,
}

/// The result of a scrub, at its end or so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubbed {
    /// How many files and replicas were read.
    pub checked: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many were damaged, or gone although nobody had removed them. An own file is set aside once a peer has given
    /// a good copy.
    pub damaged: u64,
    /// How many damaged own files came back from a peer.
    pub restored: u64,
    /// How many damaged own files no peer could give. What is left of them stays where it is: a later scrub asks again.
    pub missing: u64,
    /// How many could not be read. If the catalog cannot say what comes next, the whole rest counts as one.
    pub failed: u64,
    /// How many own files have no copy here: somebody has deleted it, or the disk has lost it.
    pub absent: u64,
    /// How many damaged replicas were set aside, or removed because the quarantine is full. Their owners send them
    /// again.
    pub set_aside: u64,
    /// How many replicas were not there any more. Their owners send them again.
    pub gone: u64,
}

impl PeerInfo {
    /// Tells whether the peer holds every current file, as far as that is known; `None` while it is away.
    #[must_use]
    pub fn is_current(&self) -> Option<bool> {
        match self.progress {
            Progress::Current if self.is_connected => Some(true),
            Progress::Behind if self.is_connected => Some(false),
            Progress::Unknown | Progress::Current | Progress::Behind => None,
        }
    }
}

impl Stored {
    /// Returns how many peers have the replica durably.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.receipts.iter().filter(|receipt| receipt.outcome.is_ok()).count()
    }

    /// Returns `self` if at least `replicas_min` peers hold the replica durably.
    ///
    /// # Errors
    /// Returns [`StoreError::Unconfirmed`] if the file is durable here, and at fewer peers.
    pub fn at_least(self, replicas_min: usize) -> Result<Self, StoreError> {
        match self.replicas() {
            found if found < replicas_min => {
                Err(StoreError::Unconfirmed(StoreFault::TooFewReplicas { wanted: replicas_min, found }))
            }
            _ => Ok(self),
        }
    }
}

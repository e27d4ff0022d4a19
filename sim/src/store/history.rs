//! The history of the calls: each call, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dacapo::crypto::{NodeId, Version};
use dacapo::limits::DELETIONS_KEPT;
use dacapo::node::{Receipt, Stored};
use dacapo::store::Usage;

use super::about::About;
use super::call::{self, Call, Source};
use super::options::deletions_kept;
use crate::host::Host;
use crate::platform::elapsed;

/// The first eight bytes of the BLAKE3 of a content. Very short contents of two calls may be equal; a reader cannot
/// tell them apart either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentDigest(pub u64);

/// Returns the digest of a content.
#[must_use]
pub fn digest(content: &[u8]) -> ContentDigest {
    let hash = blake3::hash(content);
    ContentDigest(u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a digest has 32 bytes")))
}

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// The place of the call in the plan; calls of the check after the faults continue the numbers.
    pub number: usize,
    /// The host of the owner.
    pub host: Host,
    /// The number of the key, if the call is about a file.
    pub key: Option<u8>,
    /// The call.
    pub call: Call,
    /// The content that the call stores, if it is a store.
    content: Option<ContentDigest>,
    /// The virtual time since the beginning of the run at which it began.
    pub at: Duration,
    /// When it began, in the order of all calls.
    pub begun: u64,
    /// When it ended, and how.
    pub ended: Option<(u64, Outcome)>,
    /// The virtual time since the beginning of the run at which it ended.
    pub ended_at: Option<Duration>,
    /// Whether the host's disk may have forgotten the call: it was put back from a copy that was made before the call
    /// ended, or its catalog was damaged.
    pub is_lost: bool,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A store was acknowledged.
    Stored {
        /// The content.
        digest: ContentDigest,
        /// The version that the store made.
        version: Version,
        /// The peers that acknowledged a replica.
        holders: Vec<NodeId>,
        /// The peers that the answer speaks of.
        told: Vec<NodeId>,
    },
    /// Certainly not done.
    Rejected,
    /// Perhaps stored, perhaps not.
    Unconfirmed,
    /// A get returned this content.
    Got(ContentDigest),
    /// There is none: no node has the file, or there was no local copy to delete.
    NotFound,
    /// A local copy was deleted.
    Deleted,
    /// A local copy was not deleted, because it may be the only one.
    Kept(String),
    /// The file is deleted everywhere, if it was still in the version that the caller had seen.
    Erased {
        /// The version that the caller had seen, if it had looked.
        known: Option<Version>,
        /// The peers that acknowledged the deletion.
        peers: Vec<NodeId>,
        /// The peers that the answer speaks of.
        told: Vec<NodeId>,
    },
    /// So many files were stored, or deleted everywhere.
    Many(usize),
    /// The node says this of itself.
    Told(Told),
    /// The caller left before it had read the content.
    Left,
    /// The node knows the file, and says this of it.
    Known(About),
    /// These peers hold the current version, and compared the whole of it for this answer.
    Held(Vec<NodeId>),
    /// A list returned these files: the numbers of their keys, and what it said of them.
    Listed(BTreeMap<u8, About>),
    /// A scrub has ended.
    Scrubbed {
        /// So many files were damaged.
        damaged: u64,
        /// So many could not be read or mended, the catalog among them.
        failed: u64,
    },
    /// A node is a peer again, or no peer any more.
    MembersChanged,
    /// The node was told to stop.
    Restarted,
    /// No good copy was found.
    NoCopy(String),
    /// An error that says nothing about the file.
    Failed(String),
}

/// What a node has said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How many own files it has.
    pub files: u64,
    /// Whom it has forgotten.
    pub forgotten: Vec<NodeId>,
    /// What it holds for each host.
    pub held: Vec<(NodeId, Usage)>,
    /// Whether its disk works.
    pub is_disk_good: bool,
}

impl Outcome {
    /// Whether the call has changed which files there are.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Stored { .. } | Self::Deleted | Self::Erased { .. } | Self::Many(_))
    }

    /// Returns the outcome of a call on a host whose node does not run.
    #[must_use]
    pub fn down(call: Call) -> Self {
        match call {
            Call::Store { .. } => Self::Rejected,
            _ => Self::Failed("the node does not run".to_owned()),
        }
    }

    /// Returns the outcome of an acknowledged store.
    #[must_use]
    pub fn stored(digest: ContentDigest, stored: &Stored) -> Self {
        let (holders, told) = (peers_in(&stored.receipts), all_in(&stored.receipts));
        Self::Stored { digest, version: stored.version, holders, told }
    }

    /// Returns the outcome of a deletion everywhere of the version that the caller had seen, if it had looked.
    #[must_use]
    pub fn erased(known: Option<Version>, receipts: &[Receipt]) -> Self {
        Self::Erased { known, peers: peers_in(receipts), told: all_in(receipts) }
    }
}

impl HistoryEntry {
    /// Makes the entry of a call that begins.
    #[must_use]
    pub fn new(number: usize, host: Host, call: Call, begun: u64) -> Self {
        let stored = if let Call::Store { size, .. } = call { Some(call::content(number, size)) } else { None };
        let content = stored.as_deref().map(digest);
        let (key, at) = (call.key(), elapsed());
        Self { number, host, key, call, content, at, begun, ended: None, ended_at: None, is_lost: false }
    }

    /// Returns the outcome of the call, if it has ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref().map(|(_, outcome)| outcome)
    }

    /// Returns the moment at which the call ended, or the end of time if its effect may come later.
    #[must_use]
    pub fn end(&self) -> u64 {
        match &self.ended {
            Some((end, outcome)) if *outcome != Outcome::Unconfirmed => *end,
            _ => u64::MAX,
        }
    }

    /// Returns the content that a store stores.
    #[must_use]
    pub fn content(&self) -> Option<ContentDigest> {
        self.content
    }

    /// Returns the version that the call made, if it is a store that was acknowledged.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self.outcome() {
            Some(Outcome::Stored { version, .. }) => Some(*version),
            _ => None,
        }
    }

    /// Whether the call is a store that its caller left.
    #[must_use]
    pub fn is_left(&self) -> bool {
        matches!(self.call, Call::Store { source: Source::Left, .. })
    }

    /// Whether the call is a store that took effect, or may have.
    #[must_use]
    pub fn may_be_stored(&self) -> bool {
        matches!(self.call, Call::Store { .. }) && self.outcome() != Some(&Outcome::Rejected)
    }

    /// Whether the call acknowledged a version that takes the place of all before it: other content, or none.
    #[must_use]
    pub fn is_acknowledged_change(&self) -> bool {
        matches!(self.outcome(), Some(Outcome::Stored { .. } | Outcome::Erased { .. }))
    }

    /// Whether the call has deleted the file everywhere.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        matches!(self.outcome(), Some(Outcome::Erased { .. }))
    }

    /// Whether the call has deleted a version everywhere, or may have. If the directory has lost the version, because
    /// it was put back, the version goes with the older one that the call is about.
    #[must_use]
    pub fn may_erase(&self, version: Version, is_lost: bool) -> bool {
        let is_other = match self.outcome() {
            Some(Outcome::NotFound | Outcome::Rejected | Outcome::Kept(_)) => true,
            Some(Outcome::Erased { known, .. }) => !is_lost && known.is_some_and(|known| known < version),
            _ => false,
        };
        matches!(self.call, Call::Erase { .. }) && !is_other
    }

    /// Whether the call has made a node forget a peer, or may have.
    #[must_use]
    pub fn is_forgetting(&self) -> bool {
        matches!(self.call, Call::Forget(_)) && self.outcome() != Some(&Outcome::NotFound)
    }

    /// Whether another call about the same file that satisfies `does` was under way, or may take effect later.
    pub fn meets(&self, history: &[Self], does: impl Fn(&Self) -> bool) -> bool {
        let others = history.iter().filter(|entry| entry.host == self.host && entry.key == self.key);
        others.filter(|entry| entry.begun != self.begun && does(entry)).any(|entry| entry.end() > self.begun)
    }

    /// Whether the call is about this file of this host.
    #[must_use]
    pub fn is_about(&self, host: Host, key: u8) -> bool {
        self.host == host && self.key == Some(key)
    }
}

/// Returns the peers that acknowledged.
pub(super) fn peers_in(receipts: &[Receipt]) -> Vec<NodeId> {
    receipts.iter().filter(|receipt| receipt.outcome.is_ok()).map(|receipt| receipt.peer).collect()
}

fn all_in(receipts: &[Receipt]) -> Vec<NodeId> {
    receipts.iter().map(|receipt| receipt.peer).collect()
}

/// Whether a host with these options may have a deleted file back: it has forgotten a peer, which does not know of a
/// deletion that all others know and have forgotten.
#[must_use]
pub fn may_come_back(history: &[HistoryEntry], host: Host, options: &[String]) -> bool {
    deletions_kept(options) < DELETIONS_KEPT && history.iter().any(|entry| entry.host == host && entry.is_forgetting())
}

/// Whether a file was deleted everywhere at some time. If it may be back, it may be so in a version from before that.
#[must_use]
pub fn was_erased(history: &[HistoryEntry], host: Host, key: u8) -> bool {
    history.iter().any(|entry| entry.is_about(host, key) && entry.is_erased())
}

/// Returns the stores under the key of a read.
pub fn stores<'a>(history: &'a [HistoryEntry], read: &HistoryEntry) -> impl Iterator<Item = &'a HistoryEntry> {
    let (host, key) = (read.host, read.key);
    history.iter().filter(move |entry| key.is_some_and(|key| entry.is_about(host, key)) && entry.content().is_some())
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored { digest, version, holders, .. } => {
                write!(f, "stored {digest:?} as {version}, {} replicas", holders.len())
            }
            Self::Rejected => f.write_str("not done"),
            Self::Unconfirmed => f.write_str("perhaps stored"),
            Self::Got(digest) => write!(f, "got {digest:?}"),
            Self::NotFound => f.write_str("not found"),
            Self::Deleted => f.write_str("deleted"),
            Self::Kept(why) => write!(f, "kept: {why}"),
            Self::Erased { .. } => f.write_str("erased"),
            Self::Many(count) => write!(f, "done with {count}"),
            Self::Told(told) => write!(f, "has {} files", told.files),
            Self::Left => f.write_str("left"),
            Self::Known(about) => write!(f, "known as {}", about.version),
            Self::Held(holders) => write!(f, "current at {} peers", holders.len()),
            Self::Listed(files) => write!(f, "listed {}", files.len()),
            Self::Scrubbed { damaged, failed: 0 } => write!(f, "scrubbed, {damaged} damaged"),
            Self::Scrubbed { damaged, failed } => write!(f, "scrubbed, {damaged} damaged, {failed} failed"),
            Self::MembersChanged => f.write_str("members changed"),
            Self::Restarted => f.write_str("stopped"),
            Self::NoCopy(why) => write!(f, "no copy: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0 >> 32)
    }
}

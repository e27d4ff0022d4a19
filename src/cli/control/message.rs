//! The requests and answers of the control protocol (postcard, with the variants in wire order). Answers of the node
//! travel as the node gives them; its errors travel as [`Failure`].

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use dacapo::crypto::{Attributes, Key, NodeId, Version};
use dacapo::membership::MemberChange;
use dacapo::node::{FileInfo, Holder, Holding, PeerInfo, Receipt, ReplicaError, Scrubbed, Status, Stored};
use dacapo::view::KnownPeers;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, cut};
use super::wire::{self, ControlError};

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Content follows. If its size is given, the replicas travel while it is read.
    Put {
        key: Key,
        size: Option<u64>,
        attributes: Option<Attributes>,
    },
    /// Answered with `Found`, and with content if that names no place. If it does, the node compares what lies there
    /// once more while the client reads it, and answers with `Compared`; unless it is passing.
    Get {
        key: Key,
        /// Whether the client can read a large file in the data directory.
        takes_place: bool,
        /// Whether a copy that comes from a peer stays.
        is_kept: bool,
    },
    /// Deletes the local copy, if at least `replicas_min` peers hold a verified copy of the current version.
    Remove {
        key: Key,
        replicas_min: u32,
    },
    /// Answered with pages of `Files`, of which the last is empty: those whose keys begin with the prefix.
    List {
        prefix: String,
    },
    Stat {
        key: Key,
    },
    Peers,
    /// Answered when the node has stopped.
    Stop,
    /// Deletes the file here and at every peer; if a version is named, only while that is the current one.
    DeleteEverywhere {
        key: Key,
        version: Option<Version>,
    },
    /// If `verify`, peers compare the whole of their replicas first, however long that takes.
    Whereis {
        key: Key,
        verify: bool,
    },
    /// Answered with `Scrubbing` again and again, then with `Scrubbed`.
    Scrub,
    /// Answered with `MembersChanged`.
    Members {
        change: MemberChange,
    },
    /// Asks where the node listens.
    Address,
    Status,
}

/// What the node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Stored(Stored),
    Found(FoundFile),
    Removed,
    Files(Vec<FileInfo>),
    File(FileInfo),
    Peers(KnownPeers),
    Stopped,
    Failed(Failure),
    /// Connected peers have a receipt each; the others are counted.
    DeletedEverywhere {
        receipts: Vec<Receipt>,
        away: usize,
    },
    /// Connected peers were asked; the others are listed.
    Holders {
        holders: Vec<Holder>,
        away: Vec<PeerInfo>,
    },
    Scrubbing(Scrubbed),
    Scrubbed(Scrubbed),
    MembersChanged {
        /// The nodes that were connected once and that the list keeps out because it is locked.
        locked_out: Vec<NodeId>,
    },
    Address(SocketAddr),
    Status {
        address: SocketAddr,
        node: NodeId,
        status: Box<Status>,
        known: KnownPeers,
    },
    /// The answer is being worked on. It comes again and again until the answer does, and never within a content.
    Working,
    /// What lies in the place that `Found` named was compared again, and is what was found.
    Compared,
}

/// A file that was found and verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoundFile {
    pub(crate) version: Version,
    pub(crate) size: u64,
    /// The peer that it came back from; nothing if the local copy was good.
    pub(crate) from: Option<NodeId>,
    pub(crate) attributes: Option<Attributes>,
    /// Where in the data directory the content lies; if nothing is said, it follows.
    pub(crate) place: Option<String>,
    /// Whether what lies there is for the client alone: it stays until the next request, unless the client takes it
    /// away.
    pub(crate) is_passing: bool,
}

impl Answer {
    /// Cuts the reasons of peers, which may be of any length.
    pub(super) fn bounded(mut self) -> Self {
        match &mut self {
            Self::Stored(Stored { receipts, .. }) | Self::DeletedEverywhere { receipts, .. } => {
                for receipt in receipts {
                    if let Err(ReplicaError::Unreachable { reason } | ReplicaError::Unconfirmed { reason }) =
                        &mut receipt.outcome
                    {
                        cut(reason);
                    }
                }
            }
            Self::Holders { holders, .. } => {
                for holder in holders {
                    if let Holding::Unknown { reason } = &mut holder.holding {
                        cut(reason);
                    }
                }
            }
            _ => {}
        }
        self
    }

    /// Decodes the payload of a frame.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, ControlError> {
        wire::decode(payload)
    }
}

//! The requests and answers of the control protocol (postcard, with the variants in wire order).

use std::fmt;
use std::net::SocketAddr;

use dacapo::crypto::{Digest, Key, NodeId, Version};
use dacapo::membership::MemberChange;
use dacapo::node::{
    DeleteError, FileInfo, GetError, Holder, Holding, MemberError, PeerInfo, Progress, ReadError, Receipt,
    ReplicaError, Scrubbed, StatError, StoreError, Stored,
};
use dacapo::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::wire::{self, ControlError};
use crate::cli::limits::FAILURE_BYTES_MAX;

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Content follows. Where its size is known, the replicas travel while it is read.
    Put {
        #[serde(with = "key_text")]
        key: Key,
        size: Option<u64>,
        replicas_min: u32,
    },
    /// Answered with `Found` and content.
    Get {
        #[serde(with = "key_text")]
        key: Key,
    },
    /// Only where so many peers hold a verified copy of the current version.
    Remove {
        #[serde(with = "key_text")]
        key: Key,
        replicas_min: u32,
    },
    /// Answered with pages of `Files`, of which the last is empty.
    List,
    Stat {
        #[serde(with = "key_text")]
        key: Key,
    },
    Peers,
    /// Answered when the node has stopped.
    Stop,
    /// Deletes it here and at every peer.
    Erase {
        #[serde(with = "key_text")]
        key: Key,
    },
    Whereis {
        #[serde(with = "key_text")]
        key: Key,
    },
    /// Answered with `Scrubbing` again and again, then with `Scrubbed`.
    Scrub,
    /// Answered with `MembersChanged`.
    Members {
        change: MemberChange,
    },
    /// Where the node listens.
    Address,
}

/// What the node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Stored { version: Version, size: u64, receipts: Vec<ReceiptRow>, away: u32 },
    Found { version: Version, size: u64, from: Option<NodeId> },
    Removed,
    Files(Vec<FileRow>),
    File(FileRow),
    Peers(Vec<PeerRow>),
    Stopped,
    Failed(Failure),
    Erased { receipts: Vec<ReceiptRow>, away: u32 },
    Holders(Vec<HolderRow>),
    Scrubbing(ScrubRow),
    Scrubbed(ScrubRow),
    MembersChanged,
    Address(SocketAddr),
}

/// What became of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptRow {
    pub(crate) peer: NodeId,
    pub(crate) outcome: Outcome,
    /// Why it is not stored; empty where it is.
    pub(crate) reason: String,
}

/// Whether a peer has a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Stored,
    Refused,
    Unreachable,
    Unconfirmed,
}

/// What one peer has of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HolderRow {
    pub(crate) peer: Option<NodeId>,
    pub(crate) state: HolderState,
    /// When it last compared its copy with what was stored.
    pub(crate) verified: Option<UnixMillis>,
    /// What else there is to say; mostly empty.
    pub(crate) note: String,
}

/// In short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HolderState {
    Current,
    Older,
    Nothing,
    Damaged,
    Unknown,
    Away,
}

/// How far a scrub is, or what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScrubRow {
    pub(crate) checked: u64,
    pub(crate) bytes: u64,
    pub(crate) damaged: u64,
    pub(crate) restored: u64,
    pub(crate) failed: u64,
}

/// One own file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRow {
    #[serde(with = "key_text")]
    pub(crate) key: Key,
    pub(crate) size: u64,
    pub(crate) version: Version,
    pub(crate) stored: UnixMillis,
    pub(crate) digest: Digest,
    pub(crate) is_local: bool,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeerRow {
    pub(crate) peer: Option<NodeId>,
    pub(crate) address: Option<String>,
    pub(crate) is_connected: bool,
    /// Whether it holds every current file; nothing where that is not known.
    pub(crate) is_current: Option<bool>,
    /// Whether this node has forgotten it.
    pub(crate) is_forgotten: bool,
    /// Its requests that were refused.
    pub(crate) refused: u64,
    /// The replicas and bytes that are held for it, where that can be read.
    pub(crate) held: Option<(u64, u64)>,
}

/// Why a request was not done. The message says whether it perhaps was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// What a script has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    Failed,
    NotFound,
    TooFewReplicas,
}

impl Outcome {
    pub(crate) fn is_stored(self) -> bool {
        self == Self::Stored
    }
}

impl Answer {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, ControlError> {
        wire::decode(payload)
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, error: &impl fmt::Display) -> Self {
        let mut message = error.to_string();
        message.truncate(message.floor_char_boundary(FAILURE_BYTES_MAX));
        Self { kind, message }
    }

    pub(crate) fn failed(error: &impl fmt::Display) -> Self {
        Self::new(FailureKind::Failed, error)
    }
}

macro_rules! failure_from {
    ($($error:ty $(: $not_found:pat)?),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let kind = match &error {
                    $($not_found => FailureKind::NotFound,)?
                    _ => FailureKind::Failed,
                };
                Self::new(kind, &error)
            }
        }
    )*};
}
failure_from!(
    StoreError,
    ReadError,
    GetError: GetError::NotFound { .. } | GetError::Deleted,
    DeleteError: DeleteError::NotFound,
    StatError: StatError::NotFound,
    MemberError
);

impl From<Stored> for Answer {
    fn from(stored: Stored) -> Self {
        let receipts = stored.receipts.into_iter().map(ReceiptRow::from).collect();
        let away = u32::try_from(stored.away).unwrap_or(u32::MAX);
        Self::Stored { version: stored.version, size: stored.size, receipts, away }
    }
}

impl From<Receipt> for ReceiptRow {
    fn from(receipt: Receipt) -> Self {
        let outcome = match &receipt.outcome {
            Ok(()) => Outcome::Stored,
            Err(ReplicaError::Refused(_)) => Outcome::Refused,
            Err(ReplicaError::Unreachable { .. }) => Outcome::Unreachable,
            Err(ReplicaError::Unconfirmed { .. }) => Outcome::Unconfirmed,
        };
        let reason = receipt.outcome.err().map(|error| Failure::failed(&error).message).unwrap_or_default();
        Self { peer: receipt.peer, outcome, reason }
    }
}

impl From<FileInfo> for FileRow {
    fn from(info: FileInfo) -> Self {
        let FileInfo { key, size, version, modified, digest, is_local } = info;
        Self { key, size, version, stored: modified, digest, is_local }
    }
}

impl From<PeerInfo> for PeerRow {
    fn from(info: PeerInfo) -> Self {
        let PeerInfo { peer, address, is_connected, progress, refused, .. } = info;
        let is_current = match progress {
            Progress::Unknown => None,
            Progress::Current => Some(true),
            Progress::Behind => Some(false),
        };
        let address = address.map(|address| address.to_string());
        Self { peer, address, is_connected, is_current, is_forgotten: false, refused, held: None }
    }
}

impl PeerRow {
    pub(crate) fn forgotten(peer: NodeId) -> Self {
        Self {
            peer: Some(peer),
            address: None,
            is_connected: false,
            is_current: None,
            is_forgotten: true,
            refused: 0,
            held: None,
        }
    }
}

impl From<Holder> for HolderRow {
    fn from(holder: Holder) -> Self {
        let (state, verified, note) = match holder.holding {
            Holding::Current { verified } => (HolderState::Current, Some(verified), String::new()),
            Holding::Older { version } => (HolderState::Older, None, version.to_string()),
            Holding::Nothing => (HolderState::Nothing, None, String::new()),
            Holding::Damaged => (HolderState::Damaged, None, String::new()),
            Holding::Unknown { reason } => (HolderState::Unknown, None, Failure::failed(&reason).message),
        };
        Self { peer: Some(holder.peer), state, verified, note }
    }
}

impl From<Scrubbed> for ScrubRow {
    fn from(scrubbed: Scrubbed) -> Self {
        let Scrubbed { checked, bytes, damaged, restored, failed } = scrubbed;
        Self { checked, bytes, damaged, restored, failed }
    }
}

/// A key as its text: what does not parse as a key does not decode.
mod key_text {
    use dacapo::crypto::Key;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(key.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        <&str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

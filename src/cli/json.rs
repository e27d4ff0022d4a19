//! What `--json` prints. Scripts read it: names, their order and forms are part of the compatibility statement. That is
//! why answers of the node are not printed as they are, whose fields are named for Rust and whose ids are bytes; only
//! the result of a scrub is. A test holds every form.

mod folder;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use dacapo::crypto::{Key, NodeId};
use dacapo::node::{FileInfo, PeerInfo, Receipt, Refusing, ReplicaError, Status, Stored};
use dacapo::store::Usage;
use serde::Serialize;

use super::attention::PeerCounts;
use super::control::{FoundFile, KnownPeers};
use super::error::CliError;
use super::receipts::count_done;

pub(crate) use folder::{Action, FolderJson, FolderSummary, StepJson};

#[derive(Serialize)]
pub(crate) struct StoredJson<'a> {
    key: &'a str,
    version: u64,
    size: u64,
    replicas: usize,
    receipts: Vec<ReceiptJson>,
    away: usize,
}

#[derive(Serialize)]
struct ReceiptJson {
    peer: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

#[derive(Serialize)]
pub(crate) struct FoundJson<'a> {
    key: &'a str,
    version: u64,
    size: u64,
    /// The peer that it came back from; null if the local copy was good.
    from: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct FileJson<'a> {
    key: &'a str,
    size: u64,
    version: u64,
    stored_unix_ms: u64,
    digest: String,
    local: bool,
}

#[derive(Serialize)]
pub(crate) struct DeletedJson<'a> {
    key: &'a str,
    deleted: bool,
}

#[derive(Serialize)]
pub(crate) struct DeletedEverywhereJson<'a> {
    key: &'a str,
    deleted: bool,
    peers: usize,
    receipts: Vec<ReceiptJson>,
    away: usize,
}

#[derive(Serialize)]
pub(crate) struct HolderJson<'a> {
    pub(crate) peer: Option<String>,
    pub(crate) holds: &'static str,
    pub(crate) verified_unix_ms: Option<u64>,
    /// Whether the peer compared its copy for this answer.
    pub(crate) fresh: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) note: &'a str,
}

/// An error, on standard error.
#[derive(Serialize)]
pub(crate) struct ErrorJson {
    error: String,
    exit_code: u8,
    /// What became of each replica, if the file is at too few peers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<ReceiptJson>,
}

#[derive(Serialize)]
pub(crate) struct PeerJson {
    peer: Option<String>,
    address: Option<String>,
    connected: bool,
    forgotten: bool,
    current: Option<bool>,
    held_files: Option<u64>,
    held_bytes: Option<u64>,
    refused: u64,
    /// Whether two nodes with the peer's identity are connected.
    twin: bool,
    /// Whether the peer says that another node with this node's identity is running.
    sees_twin: bool,
    slow: bool,
    /// Files of this node that the peer does not take.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_taken: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_taken_reason: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct StatusJson {
    node: String,
    address: String,
    peers_connected: usize,
    peers_behind: usize,
    peers_away: usize,
    files: u64,
    deleted: u64,
    held_files: u64,
    held_bytes: u64,
    calls: usize,
    exchanges: usize,
    connections: usize,
    tasks: usize,
    /// Null if no scrub has come to its end.
    last_scrub_unix_ms: Option<u64>,
    rolled_back: bool,
    /// Sentences for people.
    attention: Vec<String>,
}

impl StatusJson {
    pub(crate) fn new(
        node: NodeId,
        address: SocketAddr,
        status: &Status,
        known: &KnownPeers,
        attention: Vec<String>,
    ) -> Self {
        let (peers, held) = (PeerCounts::of(&known.peers), status.held);
        Self {
            node: node.to_string(),
            address: address.to_string(),
            peers_connected: peers.connected,
            peers_behind: peers.behind,
            peers_away: peers.away,
            files: status.files,
            deleted: status.deleted,
            held_files: held.files,
            held_bytes: held.bytes,
            calls: status.load.calls,
            exchanges: status.load.exchanges,
            connections: status.load.connections,
            tasks: status.load.tasks,
            last_scrub_unix_ms: status.last_scrub.map(|ended| ended.0),
            rolled_back: status.rolled_back.is_some(),
            attention,
        }
    }
}

impl<'a> StoredJson<'a> {
    pub(crate) fn new(key: &'a Key, stored: &Stored) -> Self {
        Self {
            key: key.as_str(),
            version: stored.version.0,
            size: stored.size,
            replicas: stored.replicas(),
            receipts: stored.receipts.iter().map(ReceiptJson::from).collect(),
            away: stored.away,
        }
    }
}

impl<'a> FoundJson<'a> {
    pub(crate) fn new(key: &'a Key, found: &FoundFile) -> Self {
        let from = found.from.map(|peer| peer.to_string());
        Self { key: key.as_str(), version: found.version.0, size: found.size, from }
    }
}

impl<'a> DeletedJson<'a> {
    pub(crate) fn new(key: &'a Key) -> Self {
        Self { key: key.as_str(), deleted: true }
    }
}

impl<'a> DeletedEverywhereJson<'a> {
    pub(crate) fn new(key: &'a Key, receipts: &[Receipt], away: usize) -> Self {
        Self {
            key: key.as_str(),
            deleted: true,
            peers: count_done(receipts),
            receipts: receipts.iter().map(ReceiptJson::from).collect(),
            away,
        }
    }
}

impl ErrorJson {
    pub(crate) fn new(error: &CliError) -> Self {
        Self {
            error: error.full_message(),
            exit_code: error.exit_code(),
            receipts: error.receipts().iter().map(ReceiptJson::from).collect(),
        }
    }
}

impl PeerJson {
    pub(crate) fn known(info: &PeerInfo, held: Option<&Usage>, refusing: Option<&Refusing>) -> Self {
        Self {
            peer: info.peer.map(|peer| peer.to_string()),
            address: info.address.as_ref().map(ToString::to_string),
            connected: info.is_connected,
            forgotten: false,
            current: info.is_current(),
            held_files: held.map(|held| held.files),
            held_bytes: held.map(|held| held.bytes),
            refused: info.refused,
            twin: info.has_twin,
            sees_twin: info.sees_twin,
            slow: info.is_slow,
            not_taken: refusing.map(|refusing| refusing.files),
            not_taken_reason: refusing.map(|refusing| refusing.reason.clone()),
        }
    }

    pub(crate) fn forgotten(node: NodeId, held: Option<&Usage>) -> Self {
        Self {
            peer: Some(node.to_string()),
            address: None,
            connected: false,
            forgotten: true,
            current: None,
            held_files: held.map(|held| held.files),
            held_bytes: held.map(|held| held.bytes),
            refused: 0,
            twin: false,
            sees_twin: false,
            slow: false,
            not_taken: None,
            not_taken_reason: None,
        }
    }
}

impl From<&Receipt> for ReceiptJson {
    fn from(receipt: &Receipt) -> Self {
        let (outcome, reason) = match &receipt.outcome {
            Ok(()) => ("stored", String::new()),
            Err(error @ ReplicaError::Refused(_)) => ("refused", error.to_string()),
            Err(error @ ReplicaError::Unreachable { .. }) => ("unreachable", error.to_string()),
            Err(error @ ReplicaError::Unconfirmed { .. }) => ("unconfirmed", error.to_string()),
        };
        Self { peer: receipt.peer.to_string(), outcome, reason }
    }
}

impl<'a> From<&'a FileInfo> for FileJson<'a> {
    fn from(info: &'a FileInfo) -> Self {
        Self {
            key: info.key.as_str(),
            size: info.size,
            version: info.version.0,
            stored_unix_ms: info.modified.0,
            digest: info.digest.to_string(),
            local: info.is_local,
        }
    }
}

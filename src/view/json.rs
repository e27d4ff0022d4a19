//! What `--json` prints and HTTP answers. Scripts read it: names, their order and forms are part of the compatibility
//! statement. That is why answers of the node are not given as they are, whose fields are named for Rust and whose ids
//! are bytes; only the result of a scrub is. A test holds every form.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::crypto::{Key, NodeId};
use crate::node::{FileInfo, PeerInfo, Receipt, Refusing, ReplicaError, Status, Stored};
use crate::store::Usage;
use serde::Serialize;
use utoipa::ToSchema;

use super::{KnownPeers, PeerCounts};

/// A store that was acknowledged.
#[derive(Serialize, ToSchema)]
pub struct StoredJson<'a> {
    key: &'a str,
    version: u64,
    size: u64,
    replicas: usize,
    receipts: Vec<ReceiptJson>,
    away: usize,
}

/// What became of the replica at one peer.
#[derive(Serialize, ToSchema)]
pub struct ReceiptJson {
    peer: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// One of a node's own files.
#[derive(Serialize, ToSchema)]
pub struct FileJson<'a> {
    key: &'a str,
    size: u64,
    version: u64,
    stored_unix_ms: u64,
    digest: String,
    local: bool,
}

/// A local copy that was deleted.
#[derive(Serialize, ToSchema)]
pub struct DeletedJson<'a> {
    key: &'a str,
    deleted: bool,
}

/// A file that was deleted everywhere.
#[derive(Serialize, ToSchema)]
pub struct DeletedEverywhereJson<'a> {
    key: &'a str,
    deleted: bool,
    peers: usize,
    receipts: Vec<ReceiptJson>,
    away: usize,
}

/// A peer, or a node that was forgotten or that a locked list keeps out.
#[derive(Serialize, ToSchema)]
pub struct PeerJson {
    peer: Option<String>,
    /// Where it is dialled.
    address: Option<String>,
    /// Where this node was told to dial it, if it is connected in another way: it may have moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_reached_at: Option<String>,
    connected: bool,
    forgotten: bool,
    /// Whether the node was connected before, and is kept out because the list is locked.
    locked_out: bool,
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

/// What a node says of itself.
#[derive(Serialize, ToSchema)]
pub struct StatusJson {
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
    /// Makes the form.
    #[must_use]
    pub fn new(node: NodeId, address: SocketAddr, status: &Status, known: &KnownPeers, attention: Vec<String>) -> Self {
        let (PeerCounts { connected, behind, away, .. }, held) = (known.counts(), status.held);
        Self {
            node: node.to_string(),
            address: address.to_string(),
            peers_connected: connected,
            peers_behind: behind,
            peers_away: away,
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
    /// Makes the form.
    #[must_use]
    pub fn new(key: &'a Key, stored: &Stored) -> Self {
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

impl<'a> DeletedJson<'a> {
    /// Makes the form.
    #[must_use]
    pub fn new(key: &'a Key) -> Self {
        Self { key: key.as_str(), deleted: true }
    }
}

impl<'a> DeletedEverywhereJson<'a> {
    /// Makes the form.
    #[must_use]
    pub fn new(key: &'a Key, receipts: &[Receipt], away: usize) -> Self {
        Self {
            key: key.as_str(),
            deleted: true,
            peers: count_done(receipts),
            receipts: receipts.iter().map(ReceiptJson::from).collect(),
            away,
        }
    }
}

impl PeerJson {
    /// Makes the forms of all peers, and of the nodes that are kept out, which come last.
    #[must_use]
    pub fn all(known: &KnownPeers) -> Vec<Self> {
        let held = |node: &NodeId| known.held.get(node);
        let refusing = |info: &PeerInfo| info.peer.and_then(|peer| known.refusing.get(&peer));
        let peers = known.peers.iter().map(|info| Self::known(info, info.peer.as_ref().and_then(held), refusing(info)));
        let forgotten = known.forgotten.iter().map(|node| Self::kept_out(*node, true, held(node)));
        let locked_out = known.remembered.locked_out.iter().map(|node| Self::kept_out(*node, false, held(node)));
        peers.chain(forgotten).chain(locked_out).collect()
    }

    /// Makes the form of a peer.
    #[must_use]
    pub fn known(info: &PeerInfo, held: Option<&Usage>, refusing: Option<&Refusing>) -> Self {
        Self {
            peer: info.peer.map(|peer| peer.to_string()),
            address: info.address.as_ref().map(ToString::to_string),
            not_reached_at: info.not_reached_at.as_ref().map(ToString::to_string),
            connected: info.is_connected,
            forgotten: false,
            locked_out: false,
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

    /// Makes the form of a node that was forgotten, or else is not on a locked list.
    #[must_use]
    pub fn kept_out(node: NodeId, is_forgotten: bool, held: Option<&Usage>) -> Self {
        Self {
            peer: Some(node.to_string()),
            address: None,
            not_reached_at: None,
            connected: false,
            forgotten: is_forgotten,
            locked_out: !is_forgotten,
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

/// Counts the peers that have done what was asked.
#[must_use]
pub fn count_done(receipts: &[Receipt]) -> usize {
    receipts.iter().filter(|receipt| receipt.outcome.is_ok()).count()
}

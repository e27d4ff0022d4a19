//! The peers of a node, with what several of its calls tell about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crypto::{Key, NodeId, Version};
use crate::node::{Handle, Holder, PeerInfo, Refusing, Remembered, Repairs, StatError};
use crate::store::Usage;

/// The peers of a node, the nodes that it has forgotten or that a locked list keeps out, and what it holds for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPeers {
    /// The peers, the connected ones first.
    pub peers: Vec<PeerInfo>,
    /// The nodes that were forgotten.
    pub forgotten: Vec<NodeId>,
    /// The nodes that were ever connected: which of them a locked list keeps out, and how many there are.
    pub remembered: Remembered,
    /// What is held for each of them. A node is missing if that could not be read.
    pub held: BTreeMap<NodeId, Usage>,
    /// What peers did not take of this node's files.
    pub refusing: BTreeMap<NodeId, Refusing>,
    /// How many files and deletions of this node peers list and could not give.
    pub unlearnt: u64,
    /// The version that shows that the data directory was put back from an older copy.
    pub rolled_back: Option<Version>,
    /// On how many peers each file is to be; `None` if on all.
    pub wanted: Option<usize>,
}

/// How many peers are connected, and how many of these lack files.
#[derive(Clone, Copy, Debug)]
pub struct PeerCounts {
    /// How many are connected.
    pub connected: usize,
    /// How many of these are known to lack files.
    pub behind: usize,
    /// How many are not connected.
    pub away: usize,
    /// How many of these are addresses at which no peer is known.
    pub unknown: usize,
    /// How many more there would have to be, so that each file could be on as many as are asked for.
    pub missing: usize,
}

impl KnownPeers {
    /// Asks a node for its peers.
    ///
    /// # Errors
    /// Fails as [`Handle::repairs`] does.
    pub async fn of(handle: &Handle) -> Result<Self, StatError> {
        let peers = handle.peers().await;
        let (forgotten, remembered) = (handle.forgotten().await, handle.remembered().await);
        let mut held = BTreeMap::new();
        let kept_out = forgotten.iter().chain(&remembered.locked_out).copied();
        for node in peers.iter().filter_map(|info| info.peer).chain(kept_out) {
            if let Ok(usage) = handle.held_for(node).await {
                held.insert(node, usage);
            }
        }
        // Asked last: a node that stops says so here, and not that it has no peers.
        let Repairs { refusing, unlearnt, more, rolled_back, wanted, .. } = handle.repairs().await?;
        let unlearnt = unlearnt.len() as u64 + more;
        Ok(Self { peers, forgotten, remembered, held, refusing, unlearnt, rolled_back, wanted })
    }

    /// Counts the peers.
    #[must_use]
    pub fn counts(&self) -> PeerCounts {
        let count = |is: &dyn Fn(&PeerInfo) -> bool| self.peers.iter().filter(|info| is(info)).count();
        PeerCounts {
            connected: count(&|info| info.is_connected),
            behind: count(&|info| info.is_current() == Some(false)),
            away: count(&|info| !info.is_connected),
            unknown: count(&|info| info.peer.is_none()),
            missing: self.wanted.unwrap_or_default().saturating_sub(count(&|info| info.peer.is_some())),
        }
    }
}

/// Returns the peers that are not connected.
pub async fn away(handle: &Handle) -> Vec<PeerInfo> {
    handle.peers().await.into_iter().filter(|peer| !peer.is_connected).collect()
}

/// Returns what each connected peer has of a file, after it has compared the whole of its replica if `is_whole`, and
/// the peers that are not connected.
///
/// # Errors
/// Fails as [`Handle::holders`] does.
pub async fn holders(handle: &Handle, key: &Key, is_whole: bool) -> Result<(Vec<Holder>, Vec<PeerInfo>), StatError> {
    let holders = if is_whole { handle.verified_holders(key).await? } else { handle.holders(key).await? };
    Ok((holders, away(handle).await))
}

//! What of a node's peers and its data directory needs somebody's attention, in sentences.

use dacapo::crypto::NodeId;
use dacapo::node::{PeerInfo, Refusing};

use super::control::KnownPeers;
use super::show;

/// Returns a sentence for everything that somebody has to look at.
pub(crate) fn sentences(known: &KnownPeers) -> Vec<String> {
    let seen_by = known.peers.iter().filter(|info| info.sees_twin).filter_map(|info| info.peer);
    let twins = seen_by
        .map(|peer| format!("another node with this identity is running, says {}: stop one of them", peer.short()));
    let rolled_back = known.rolled_back.map(|met| {
        format!(
            "this data directory is older than what its peers know: {met} was not made here; local copies that gave \
             way are in its folder kept"
        )
    });
    let unlearnt = (known.unlearnt > 0)
        .then(|| format!("peers list {} of this node that they cannot give", show::count(known.unlearnt, "file")));
    twins.chain(rolled_back).chain(unlearnt).collect()
}

/// Returns a sentence for each peer that does not take some of this node's files.
pub(crate) fn refusals(known: &KnownPeers) -> Vec<String> {
    let sentence = |(peer, Refusing { files, reason }): (&NodeId, &Refusing)| {
        format!("{} lacks {}: {reason}", peer.short(), show::count(*files, "file"))
    };
    known.refusing.iter().map(sentence).collect()
}

/// How many peers are connected, and how many of these lack files.
pub(crate) struct PeerCounts {
    pub(crate) connected: usize,
    pub(crate) behind: usize,
    pub(crate) away: usize,
}

impl PeerCounts {
    pub(crate) fn of(peers: &[PeerInfo]) -> Self {
        let count = |is: &dyn Fn(&PeerInfo) -> bool| peers.iter().filter(|info| is(info)).count();
        Self {
            connected: count(&|info| info.is_connected),
            behind: count(&|info| info.is_current() == Some(false)),
            away: count(&|info| !info.is_connected),
        }
    }
}

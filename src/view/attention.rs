//! What of a node's peers and its data directory needs somebody's attention, in sentences.

use crate::crypto::NodeId;
use crate::node::Refusing;

use super::{KnownPeers, show};

/// Returns a sentence for everything that somebody has to look at.
#[must_use]
pub fn sentences(known: &KnownPeers) -> Vec<String> {
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
#[must_use]
pub fn refusals(known: &KnownPeers) -> Vec<String> {
    let sentence = |(peer, Refusing { files, reason }): (&NodeId, &Refusing)| {
        format!("{} lacks {}: {reason}", peer.short(), show::count(*files, "file"))
    };
    known.refusing.iter().map(sentence).collect()
}

/// Returns a sentence for everything that concerns a node as a whole: what [`sentences`] says, what peers do not take,
/// and whether there is a peer at all.
#[must_use]
pub fn all(known: &KnownPeers) -> Vec<String> {
    let mut all = sentences(known);
    all.extend(refusals(known));
    if known.counts().connected == 0 {
        all.push("no peer is connected: what is stored now is on this disk alone".to_owned());
    }
    all
}

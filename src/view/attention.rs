//! What of a node's peers and its data directory needs somebody's attention, in sentences.

use crate::crypto::NodeId;
use crate::limits::MEMBERS_MAX;
use crate::node::{Refusing, Remembered};

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
    twins.chain(rolled_back).chain(unlearnt).chain(of_remembered(&known.remembered)).collect()
}

/// Returns sentences about nodes that a locked list keeps out, and about places for nodes of which few are left.
fn of_remembered(remembered: &Remembered) -> impl Iterator<Item = String> {
    let Remembered { locked_out, places_taken, places_away } = remembered;
    let locked_out = (!locked_out.is_empty()).then(|| {
        let nodes = show::count(locked_out.len() as u64, "node");
        format!(
            "the list of members is locked, and keeps out {nodes} of those that were connected before: `dacapo peers` \
             shows which, and `dacapo peers allow ID` lets one in"
        )
    });
    let few_left = (places_taken * 10 >= MEMBERS_MAX * 9).then(|| {
        format!(
            "{places_taken} of {MEMBERS_MAX} places for nodes that were ever connected are taken, {places_away} of \
             them by nodes that are away: forget those that are gone with `dacapo peers forget ID`"
        )
    });
    locked_out.into_iter().chain(few_left)
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
/// whether there are as many as are asked for, and whether one is connected at all.
#[must_use]
pub fn all(known: &KnownPeers) -> Vec<String> {
    let (mut all, counts) = (sentences(known), known.counts());
    all.extend(refusals(known));
    if let Some(wanted) = known.wanted.filter(|_| counts.missing > 0) {
        let there = show::count((wanted - counts.missing) as u64, "peer");
        all.push(format!("each file is to be on {}, and this node knows {there}", show::count(wanted as u64, "peer")));
    }
    if counts.connected == 0 {
        all.push("no peer is connected: what is stored now is on this disk alone".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{PeerInfo, Progress};

    fn peer(number: Option<u8>) -> PeerInfo {
        PeerInfo {
            peer: number.map(|number| NodeId([number; 32])),
            address: None,
            not_reached_at: None,
            is_dialled: true,
            is_connected: number.is_some(),
            progress: Progress::Unknown,
            refused: 0,
            has_twin: false,
            sees_twin: false,
            is_slow: false,
        }
    }

    fn said(wanted: Option<usize>, peers: Vec<PeerInfo>) -> Vec<String> {
        all(&KnownPeers { peers, wanted, ..KnownPeers::default() })
    }

    #[test]
    fn nodes_that_are_kept_out_and_the_last_places_need_attention() {
        let said = |locked_out: usize, places_taken, places_away| {
            let locked_out = vec![NodeId([1; 32]); locked_out];
            let remembered = Remembered { locked_out, places_taken, places_away };
            sentences(&KnownPeers { remembered, ..KnownPeers::default() })
        };
        assert!(said(0, 230, 230).is_empty());
        let places = "231 of 256 places for nodes that were ever connected are taken, 200 of them by nodes that are \
                      away: forget those that are gone with `dacapo peers forget ID`";
        assert_eq!(said(0, 231, 200), [places]);
        let kept_out = "the list of members is locked, and keeps out 1 node of those that were connected before: \
                        `dacapo peers` shows which, and `dacapo peers allow ID` lets one in";
        assert_eq!(said(1, 0, 0), [kept_out]);
    }

    #[test]
    fn too_few_peers_for_the_copies_that_are_asked_for_need_attention() {
        let sentence = "each file is to be on 3 peers, and this node knows 1 peer";
        assert_eq!(said(Some(3), vec![peer(Some(1)), peer(None)]), [sentence]);
        assert!(said(Some(1), vec![peer(Some(1))]).is_empty());
        assert!(said(None, vec![peer(Some(1))]).is_empty(), "as many as there are");
    }
}

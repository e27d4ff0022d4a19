//! What the node tells a caller about its peers.

use crate::crypto::NodeId;
use crate::membership::Dial;
use crate::node::context::Context;
use crate::node::handle::answers::{PeerInfo, Progress};
use crate::platform::Platform;

/// Returns every known peer, the connected ones first. See [`Handle::peers`](crate::node::Handle::peers).
pub(in crate::node) fn info<P: Platform>(context: &Context<P>) -> Vec<PeerInfo> {
    let known = context.peers.known.borrow();
    let mut peers: Vec<_> = known
        .values()
        .map(|peer| PeerInfo {
            peer: Some(peer.id),
            address: peer.address(),
            is_dialled: peer.configured().is_some(),
            is_connected: peer.is_connected(),
            progress: peer.repair.progress(),
            refused: context.holder.refusals.of(peer.id),
            has_twin: peer.has_twin(),
            sees_twin: peer.sees_twin(),
            is_slow: peer.is_slow.get(),
        })
        .collect();
    for Dial { address, node } in &*context.peers.dials.borrow() {
        // One peer is one row, however many of its addresses are dialled. A node that was forgotten is no peer.
        let is_shown = |node: &NodeId| peers.iter().any(|peer| peer.peer == Some(*node));
        let is_peer = node.as_ref().is_none_or(|node| !is_shown(node) && context.members.admits(*node));
        if is_peer {
            peers.push(PeerInfo {
                peer: *node,
                address: Some(address.clone()),
                is_dialled: true,
                is_connected: false,
                progress: Progress::Unknown,
                refused: 0,
                has_twin: false,
                sees_twin: false,
                is_slow: false,
            });
        }
    }
    peers.sort_by_key(|peer| !peer.is_connected);
    peers
}

/// Returns how many peers are configured or were connected, and are not connected at the moment.
pub(in crate::node) fn away<P: Platform>(context: &Context<P>) -> usize {
    info(context).iter().filter(|peer| !peer.is_connected).count()
}

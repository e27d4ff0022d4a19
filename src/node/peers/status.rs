//! What the node tells a caller about its peers.

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
        })
        .collect();
    for address in &context.peers.configured {
        let is_known = known.values().any(|peer| peer.configured().as_ref() == Some(address));
        if !is_known {
            peers.push(PeerInfo {
                peer: None,
                address: Some(address.clone()),
                is_dialled: true,
                is_connected: false,
                progress: Progress::Unknown,
                refused: 0,
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

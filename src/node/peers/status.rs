//! What the node tells a caller about its peers.

use super::met::Places;
use crate::crypto::NodeId;
use crate::membership::{Admission, Dial};
use crate::node::context::Context;
use crate::node::handle::answers::{PeerInfo, Progress, Remembered};
use crate::node::handle::errors::Unasked;
use crate::platform::Platform;
use crate::transport::Address;

/// Returns every known peer, the connected ones first. See [`Handle::peers`](crate::node::Handle::peers).
pub(in crate::node) fn info<P: Platform>(context: &Context<P>) -> Vec<PeerInfo> {
    let known = context.peers.known.borrow();
    let mut peers: Vec<_> = known
        .values()
        // One that was forgotten just now may still be connected.
        .filter(|peer| context.members.admits(peer.id))
        .map(|peer| PeerInfo {
            peer: Some(peer.id),
            address: peer.address(),
            not_reached_at: context.peers.dial_of(peer.id).filter(|_| peer.is_elsewhere()),
            is_dialled: context.peers.dial_of(peer.id).is_some(),
            is_connected: peer.is_connected(),
            progress: peer.repair.progress(),
            refused: context.holder.refusals.of(peer.id),
            has_twin: peer.has_twin(),
            sees_twin: peer.sees_twin(),
            is_slow: peer.is_slow.get(),
        })
        .collect();
    // A node that was forgotten is no peer. One peer is one row, however many of its addresses are dialled.
    let is_shown = |peers: &[PeerInfo], node: NodeId| peers.iter().any(|peer| peer.peer == Some(node));
    let met = context.peers.met.list();
    for (node, places) in &met {
        if !is_shown(&peers, *node) && context.members.admits(*node) {
            let is_dialled = places.dialled.as_ref().is_some_and(|address| context.peers.dials_at(address, *node));
            peers.push(away_at(Some(*node), places.last().cloned(), is_dialled));
        }
    }
    for Dial { address, node } in &*context.peers.dials.borrow() {
        let is_peer = match node {
            Some(node) => !is_shown(&peers, *node) && context.members.admits(*node),
            // A peer that was connected before is at home there, and so is one that this node has reached there and
            // that has come by itself now. What a connected peer says of its own address counts for nothing.
            None => {
                let is_away_from = |peer: &PeerInfo| !peer.is_connected && peer.address.as_ref() == Some(address);
                let was_met_at =
                    |(node, at): &(NodeId, Places)| at.dialled.as_ref() == Some(address) && is_shown(&peers, *node);
                !peers.iter().any(is_away_from) && !met.iter().any(was_met_at)
            }
        };
        if is_peer {
            peers.push(away_at(*node, Some(address.clone()), true));
        }
    }
    peers.sort_by_key(|peer| !peer.is_connected);
    peers
}

/// Returns what there is to tell of a peer that has not been connected since the start.
fn away_at(peer: Option<NodeId>, address: Option<Address>, is_dialled: bool) -> PeerInfo {
    PeerInfo {
        peer,
        address,
        not_reached_at: None,
        is_dialled,
        is_connected: false,
        progress: Progress::Unknown,
        refused: 0,
        has_twin: false,
        sees_twin: false,
        is_slow: false,
    }
}

/// Returns how many peers are configured or were connected, are not connected at the moment, and are none of these.
pub(in crate::node) fn away<P: Platform>(context: &Context<P>, but: &[NodeId]) -> usize {
    those_away(context, but).len()
}

/// Returns the peers that [`away`] counts.
pub(in crate::node) fn those_away<P: Platform>(context: &Context<P>, but: &[NodeId]) -> Vec<Unasked> {
    let is_else = |peer: &PeerInfo| !peer.peer.is_some_and(|node| but.contains(&node));
    let away = info(context).into_iter().filter(|peer| !peer.is_connected && is_else(peer));
    let unasked = |PeerInfo { peer, address, .. }| Unasked { peer, address, reason: "it is away".to_owned() };
    away.map(unasked).collect()
}

/// Returns the nodes that were connected once and are turned away only because the list is locked: what such a node
/// holds comes back with it as soon as it is let in again.
pub(in crate::node) fn locked_out<P: Platform>(context: &Context<P>) -> Vec<NodeId> {
    let is_locked_out = |node: &NodeId| context.members.admission(*node) == Admission::NotListed;
    context.peers.ever().into_iter().filter(is_locked_out).collect()
}

/// Returns what there is to tell of the nodes that were ever connected. See
/// [`Handle::remembered`](crate::node::Handle::remembered).
pub(in crate::node) fn remembered<P: Platform>(context: &Context<P>) -> Remembered {
    let taken = context.peers.met.unnamed(&context.members);
    let is_away = |node: &&NodeId| !context.peers.find(**node).is_some_and(|peer| peer.is_connected());
    let (locked_out, places_away) = (locked_out(context), taken.iter().filter(is_away).count());
    Remembered { locked_out, places_taken: taken.len(), places_away }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::membership::MemberChange;
    use crate::node::peers::admission;
    use crate::node::peers::liveness::{Liveness, Way};
    use crate::node::tests::{Idle, run};
    use crate::protocol::BootId;

    #[test]
    fn the_peers_that_are_connected_come_first() {
        run(async {
            let node = Idle::new();
            let [away, connected, met] = [1, 2, 3].map(|number| NodeId([number; 32]));
            let peers = &node.context.peers;
            peers.entry(away);
            let control = Liveness::new(BootId::default(), Way::Configured(":3000".parse().expect("an address")));
            peers.entry(connected).add_control(Rc::new(control));
            peers.met.insert(met, Places::default());
            let listed: Vec<_> = info(&node.context).iter().map(|peer| (peer.peer, peer.is_connected)).collect();
            assert_eq!(listed, [(Some(connected), true), (Some(away), false), (Some(met), false)]);
            assert_eq!([super::away(&node.context, &[]), super::away(&node.context, &[met, connected])], [2, 1]);
        });
    }

    #[test]
    fn who_was_met_and_is_not_on_a_locked_list_is_told() {
        run(async {
            let node = Idle::new();
            let [connected, away, listed] = [1, 2, 3].map(|number| NodeId([number; 32]));
            let peers = &node.context.peers;
            let control = Liveness::new(BootId::default(), Way::Configured(":3000".parse().expect("an address")));
            peers.entry(connected).add_control(Rc::new(control));
            [connected, away, listed].into_iter().for_each(|node| peers.met.insert(node, Places::default()));
            let told = |locked_out, places_taken, places_away| Remembered { locked_out, places_taken, places_away };
            assert_eq!(remembered(&node.context), told(Vec::new(), 3, 2));
            for change in [MemberChange::Allow(listed), MemberChange::Lock] {
                admission::change(&node.context, change).await.expect("a good disk");
            }
            assert_eq!(remembered(&node.context), told(vec![away], 1, 1));
            assert!(info(&node.context).iter().all(|peer| peer.peer != Some(away)), "it is no peer");
        });
    }
}

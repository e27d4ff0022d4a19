//! Peers that are away and may have moved: this node asks the others for them with its heartbeats, answers what the
//! others ask, and takes note of what they say. To follow that is left to `follow`.

use std::net::IpAddr;

use super::hints::Hint;
use super::peer::Peer;
use crate::crypto::NodeId;
use crate::limits::{SEEK_AFTER, SEEK_AFTER_START, SOUGHT_MAX};
use crate::node::context::{Context, Stream};
use crate::platform::Platform;
use crate::protocol::Whereabouts;
use crate::transport::Address;

/// What one control connection has heard and said of peers that are away.
#[derive(Default)]
pub(in crate::node) struct Search {
    /// For whom the other side looks, and has had no answer.
    asked: Vec<NodeId>,
    /// For how many peers this side has asked.
    turn: usize,
}

impl Search {
    /// Returns what this node says to a peer: for whom it looks, and where those are for whom the peer does.
    pub(in crate::node) fn tell<P: Platform>(&mut self, context: &Context<P>, peer: &Peer<Stream<P>>) -> Whereabouts {
        let all: Vec<_> = context.peers.ever().into_iter().filter(|id| is_sought(context, *id)).collect();
        let from = self.turn % all.len().max(1);
        self.turn = from + SOUGHT_MAX;
        let sought = all.iter().cycle().skip(from).take(SOUGHT_MAX.min(all.len())).copied().collect();
        let is_near = peer.address().is_some_and(|address| is_local(&address));
        let place = |id: NodeId| {
            let other = context.peers.find(id).filter(|other| other.is_connected() && context.members.admits(id))?;
            // An address of this machine alone is of use to nobody elsewhere.
            Some((id, other.addresses().into_iter().find(|address| is_near || !is_local(address))?))
        };
        Whereabouts { sought, found: std::mem::take(&mut self.asked).into_iter().filter_map(place).collect() }
    }

    /// Takes note of what a peer says.
    pub(in crate::node) fn hear<P: Platform>(
        &mut self,
        context: &Context<P>,
        peer: &Peer<Stream<P>>,
        said: Whereabouts,
    ) {
        self.asked = said.sought;
        for (id, address) in said.found {
            note(context, Hint { peer: id, address, from: Some(peer.id) });
        }
    }
}

/// Takes note of where this node has seen the peers that it looks for.
pub(in crate::node) fn remember<P: Platform>(context: &Context<P>) {
    for (peer, places) in context.peers.met.list() {
        if let Some(address) = places.seen {
            note(context, Hint { peer, address, from: None });
        }
    }
}

/// Takes a hint about a peer that this node looks for. Where it is dialled already, no hint is needed.
fn note<P: Platform>(context: &Context<P>, hint: Hint) {
    if is_sought(context, hint.peer) && !context.peers.dials_at(&hint.address, hint.peer) {
        context.peers.hints.note(hint);
    }
}

/// Whether a peer was connected once, has been away for so long that it may have moved, and would find room.
fn is_sought<P: Platform>(context: &Context<P>, id: NodeId) -> bool {
    let peer = context.peers.find(id);
    let is_connected = peer.as_ref().is_some_and(|peer| peer.is_connected());
    let is_known = peer.is_some() || context.peers.met.knows(id);
    let is_away = match peer.and_then(|peer| peer.lost()) {
        Some(lost) => lost.elapsed() >= SEEK_AFTER,
        None => context.owner.started.elapsed() >= SEEK_AFTER_START,
    };
    let has_room = || context.peers.room_for(id, &context.members).is_ok();
    is_known && !is_connected && is_away && context.members.admits(id) && has_room()
}

/// Whether an address leads elsewhere on another machine: a loopback address, or one of a single link.
fn is_local(address: &Address) -> bool {
    let host = address.host();
    let is_loopback = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    host == "localhost" || host.contains('%') || host.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_alone_is_local() {
        for (address, is) in [
            ("127.0.0.1:1", true),
            ("localhost:1", true),
            ("[::1]:1", true),
            ("[fe80::1%3]:1", true),
            ("192.168.0.1:1", false),
            ("other.example:1", false),
        ] {
            assert_eq!(is_local(&address.parse().expect("an address")), is, "{address}");
        }
    }
}

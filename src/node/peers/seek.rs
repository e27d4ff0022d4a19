//! Peers that are away and may have moved: this node asks the others for them with its heartbeats, answers what the
//! others ask, and takes note of what they say. To follow what they say is left to `find`.

use super::hints::Hint;
use super::peer::Peer;
use crate::crypto::NodeId;
use crate::limits::{SEEK_AFTER, SOUGHT_MAX};
use crate::node::context::{Context, Stream};
use crate::platform::Platform;
use crate::protocol::Whereabouts;

/// Returns what this node says to a peer: for whom it looks, and where those are for whom the peer does.
pub(in crate::node) fn tell<P: Platform>(context: &Context<P>, peer: &Peer<Stream<P>>) -> Whereabouts {
    let all: Vec<_> = context.peers.met.ids().into_iter().filter(|id| is_sought(context, *id)).collect();
    let from = peer.next_sought(SOUGHT_MAX) % all.len().max(1);
    let sought = all.iter().cycle().skip(from).take(SOUGHT_MAX.min(all.len())).copied().collect();
    let address = |id: NodeId| {
        let other = context.peers.find(id).filter(|other| other.is_connected() && context.members.admits(id))?;
        Some((id, other.address()?))
    };
    Whereabouts { sought, found: peer.take_asked().into_iter().filter_map(address).collect() }
}

/// Takes note of what a peer says.
pub(in crate::node) fn hear<P: Platform>(context: &Context<P>, peer: &Peer<Stream<P>>, said: Whereabouts) {
    peer.note_asked(said.sought);
    for (id, address) in said.found {
        note(context, Hint { peer: id, address, from: peer.id });
    }
}

/// Takes note of where this node has seen the peers that it looks for.
pub(in crate::node) fn remember<P: Platform>(context: &Context<P>) {
    for (peer, places) in context.peers.met.list() {
        if let Some(address) = places.seen {
            note(context, Hint { peer, address, from: context.keys.node() });
        }
    }
}

/// Takes a hint about a peer that this node looks for. An address that is dialled needs none.
fn note<P: Platform>(context: &Context<P>, hint: Hint) {
    if is_sought(context, hint.peer) && !context.peers.dials(&hint.address) {
        context.peers.hints.note(hint);
    }
}

/// Whether a peer was connected once and has been away for so long that it may have moved.
fn is_sought<P: Platform>(context: &Context<P>, id: NodeId) -> bool {
    let peer = context.peers.find(id);
    let is_connected = peer.as_ref().is_some_and(|peer| peer.is_connected());
    let lost = peer.and_then(|peer| peer.lost()).unwrap_or(context.owner.started);
    !is_connected && lost.elapsed() >= SEEK_AFTER && context.peers.met.knows(id) && context.members.admits(id)
}

//! Counts control connections: a peer is connected while one of them lives.

use std::rc::Rc;

use tokio::time::{Instant, timeout};

use super::liveness::{Liveness, Way};
use super::peer::Peer;
use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::HEARTBEAT_PRINT_WAIT;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::platform::Platform;
use crate::store::Change;

/// The count of one control connection, for as long as this value lives.
pub(in crate::node) struct Control<P: Platform> {
    context: Shared<P>,
    liveness: Rc<Liveness>,
    pub(in crate::node) peer: Rc<Peer<Stream<P>>>,
}

impl<P: Platform> Control<P> {
    /// Counts a control connection of a peer. Notes the peer before, and tells that it is connected if this is its
    /// first.
    pub(in crate::node) async fn attach(context: &Shared<P>, connection: &Connection<Stream<P>>, way: Way) -> Self {
        let (id, address) = (connection.peer, way.address().cloned());
        note(context, id, &way).await;
        let peer = context.peers.entry(id);
        let liveness = Rc::new(Liveness::new(connection.boot().id(), way));
        let is_first = peer.add_control(liveness.clone()) == 1;
        peer.repair.begin_anew();
        if is_first {
            context.tell(&Event::PeerConnected { peer: id, address });
        }
        Self { context: context.clone(), liveness, peer }
    }

    /// Notes that the other side has answered what was sent to it at this time. Tells if the peer proves to run more
    /// than once.
    pub(in crate::node) fn note_alive(&self, sent: Instant) {
        self.liveness.note(sent);
        if let Some(addresses) = self.peer.look_for_twins() {
            self.context.tell(&Event::PeerRunsTwice { peer: self.peer.id, addresses });
        }
    }

    /// Hears from the peer whether it sees this node run more than once. Tells if this is new.
    pub(in crate::node) fn hear_of_twin(&self, sees_twin: bool) {
        if !self.peer.hear_of_twin(sees_twin) && sees_twin {
            self.context.tell(&Event::RunsTwice { peer: self.peer.id });
        }
    }

    /// Ends the count, and tells that the peer is lost, with the reason, if this was its last control connection.
    pub(in crate::node) fn detach(self, reason: &impl ToString) {
        if self.peer.controls() == 1 {
            self.context.tell(&Event::PeerLost { peer: self.peer.id, reason: reason.to_string() });
        }
    }
}

/// Notes durably that a peer was connected, and where, before it is sent anything. A disk that fails or hangs costs no
/// connection: the next repair tries again.
pub(in crate::node) async fn note<P: Platform>(context: &Shared<P>, peer: NodeId, way: &Way) {
    let met = &context.peers.met;
    let is_reached = context.peers.find(peer).is_some_and(|peer| peer.is_reached());
    let Some(places) = met.lacks(peer, way, is_reached) else { return };
    let change = Change::PeerMet(peer, places.to_string());
    if matches!(timeout(HEARTBEAT_PRINT_WAIT, context.commit(change)).await, Ok(Ok(_))) {
        met.insert(peer, places);
    }
}

impl<P: Platform> Drop for Control<P> {
    fn drop(&mut self) {
        self.peer.remove_control(&self.liveness);
        if !self.peer.is_connected() {
            self.context.boots.note_lost(self.peer.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::{Idle, run};

    #[test]
    fn a_peer_that_was_connected_is_noted_durably() {
        run(async {
            let node = Idle::new();
            let (peer, address) = (NodeId([1; 32]), "a:3000".parse().expect("an address"));
            let noted = || node.context.store.peers().expect("a good disk");
            let inbound = Way::Inbound { from: "b:40000".parse().expect("an address"), said: None };
            note(&node.context, peer, &inbound).await;
            assert_eq!(noted(), [(peer, String::new())]);
            note(&node.context, peer, &Way::Configured(address)).await;
            note(&node.context, peer, &inbound).await;
            assert_eq!(noted(), [(peer, "a:3000".to_owned())]);
            let moved = Way::Inbound { from: "c:40000".parse().expect("an address"), said: "c:3000".parse().ok() };
            note(&node.context, peer, &moved).await;
            assert_eq!(noted(), [(peer, "a:3000 c:3000".to_owned())]);
        });
    }
}

//! Counts control connections: a peer is connected while one of them lives.

use std::rc::Rc;

use tokio::time::Instant;

use super::liveness::Liveness;
use super::peer::Peer;
use crate::event::Event;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::platform::Platform;
use crate::transport::Address;

/// The count of one control connection, for as long as this value lives.
pub(in crate::node) struct Control<P: Platform> {
    context: Shared<P>,
    liveness: Rc<Liveness>,
    pub(in crate::node) peer: Rc<Peer<Stream<P>>>,
}

impl<P: Platform> Control<P> {
    /// Counts a control connection of a peer that is seen at an address, and can perhaps be dialled. Tells that the
    /// peer is connected if this is its first.
    pub(in crate::node) fn attach(
        context: &Shared<P>,
        connection: &Connection<Stream<P>>,
        seen_at: Address,
        address: Option<Address>,
        configured: Option<&Address>,
    ) -> Self {
        let id = connection.peer;
        let peer = context.peers.entry(id);
        let liveness = Rc::new(Liveness::new(connection.boot(), seen_at));
        let is_first = peer.add_control(liveness.clone(), address.clone(), configured) == 1;
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

impl<P: Platform> Drop for Control<P> {
    fn drop(&mut self) {
        self.peer.remove_control(&self.liveness);
    }
}

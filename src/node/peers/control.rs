//! Counts control connections: a peer is connected while one of them lives.

use std::rc::Rc;

use super::peer::Peer;
use crate::crypto::NodeId;
use crate::event::Event;
use crate::node::context::{Shared, Stream};
use crate::platform::Platform;
use crate::transport::Address;

/// The count of one control connection, for as long as this value lives.
pub(in crate::node) struct Control<P: Platform> {
    context: Shared<P>,
    pub(in crate::node) peer: Rc<Peer<Stream<P>>>,
}

impl<P: Platform> Control<P> {
    /// Counts a control connection of a peer. Tells that the peer is connected if this is its first.
    pub(in crate::node) fn attach(
        context: &Shared<P>,
        id: NodeId,
        address: Option<Address>,
        configured: Option<&Address>,
    ) -> Self {
        let peer = context.peers.entry(id);
        let is_first = peer.add_control(address.clone(), configured) == 1;
        peer.repair.begin_anew();
        if is_first {
            context.tell(&Event::PeerConnected { peer: id, address });
        }
        Self { context: context.clone(), peer }
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
        self.peer.remove_control();
    }
}

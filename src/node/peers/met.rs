//! The peers that were ever connected, also before this start: a peer that dials in is on no list of this node, and may
//! still hold its files.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::crypto::NodeId;
use crate::limits::MEMBERS_MAX;
use crate::transport::Address;

/// The peers that were ever connected, each with the address at which this node dials it.
#[derive(Default)]
pub(in crate::node) struct Met {
    peers: RefCell<BTreeMap<NodeId, Option<Address>>>,
}

impl Met {
    /// Takes over what the catalog says.
    pub(in crate::node) fn new(peers: Vec<(NodeId, String)>) -> Self {
        let peers = peers.into_iter().map(|(peer, address)| (peer, address.parse().ok()));
        Self { peers: RefCell::new(peers.collect()) }
    }

    /// Returns the peers in the order of their ids.
    pub(super) fn list(&self) -> Vec<(NodeId, Option<Address>)> {
        self.peers.borrow().iter().map(|(peer, address)| (*peer, address.clone())).collect()
    }

    /// Whether there was room for every peer so far.
    pub(in crate::node) fn is_complete(&self) -> bool {
        self.peers.borrow().len() < MEMBERS_MAX
    }

    /// Whether a peer and the address at which it is dialled are noted, or cannot be.
    pub(super) fn has(&self, peer: NodeId, address: Option<&Address>) -> bool {
        match self.peers.borrow().get(&peer) {
            Some(noted) => address.is_none() || noted.as_ref() == address,
            None => !self.is_complete(),
        }
    }

    /// Notes a peer, which the catalog has.
    pub(super) fn insert(&self, peer: NodeId, address: Option<Address>) {
        self.peers.borrow_mut().insert(peer, address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: usize) -> NodeId {
        let mut id = NodeId([0; 32]);
        id.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
        id
    }

    #[test]
    fn a_peer_that_finds_no_room_counts_as_noted_so_that_it_is_not_tried_for_ever() {
        let met = Met::new((1..MEMBERS_MAX).map(|number| (peer(number), String::new())).collect());
        assert!(met.is_complete() && !met.has(peer(0), None), "there is room for one");
        met.insert(peer(0), None);
        assert!(!met.is_complete());
        assert!(met.has(peer(MEMBERS_MAX), None) && met.has(peer(0), None));
        let address = ":3000".parse().expect("an address");
        assert!(!met.has(peer(0), Some(&address)), "where it is dialled is not noted");
        met.insert(peer(0), Some(address.clone()));
        assert!(met.has(peer(0), Some(&address)));
    }
}

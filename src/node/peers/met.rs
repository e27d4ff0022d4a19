//! The peers that were ever connected, also before this start: a peer that dials in is on no list of this node, and may
//! still hold its files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::liveness::Way;
use crate::crypto::NodeId;
use crate::limits::{MEMBERS_MAX, MET_PEERS_MAX};
use crate::node::members::MembersInForce;
use crate::transport::Address;

/// Where a peer was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::node) struct Places {
    /// Where this node was told to dial, and the peer answered.
    pub(super) dialled: Option<Address>,
    /// Where the peer was found; or where it said that it listens, at a time when this node had not reached it.
    pub(super) seen: Option<Address>,
}

impl Places {
    /// Returns the places, and with them what a connection says that came about in this way. A peer that is reached may
    /// dial from elsewhere, so its own word counts only if it is not.
    pub(super) fn and(&self, way: &Way, is_reached: bool) -> Self {
        let Self { dialled, seen } = self.clone();
        match way.clone() {
            Way::Configured(address) => Self { dialled: Some(address), seen },
            Way::Found(address) => Self { dialled, seen: Some(address) },
            Way::Inbound { said, .. } if !is_reached => Self { dialled, seen: said.or(seen) },
            Way::Inbound { .. } => Self { dialled, seen },
        }
    }

    /// Returns the address at which the peer is dialled while nothing better is known.
    pub(super) fn last(&self) -> Option<&Address> {
        self.dialled.as_ref().or(self.seen.as_ref())
    }

    /// Reads what [`Display`](fmt::Display) writes. What is no address counts as none.
    fn parse(text: &str) -> Self {
        let (dialled, seen) = text.split_once(' ').unwrap_or((text, ""));
        Self { dialled: dialled.parse().ok(), seen: seen.parse().ok() }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dialled.iter().try_for_each(|address| write!(f, "{address}"))?;
        self.seen.iter().try_for_each(|address| write!(f, " {address}"))
    }
}

/// The peers that were ever connected, each with its places.
#[derive(Default)]
pub(in crate::node) struct Met {
    peers: RefCell<BTreeMap<NodeId, Places>>,
}

impl Met {
    /// Takes over what the catalog says.
    pub(in crate::node) fn new(peers: Vec<(NodeId, String)>) -> Self {
        let peers = peers.into_iter().map(|(peer, places)| (peer, Places::parse(&places)));
        Self { peers: RefCell::new(peers.collect()) }
    }

    /// Returns the peers in the order of their ids.
    pub(super) fn list(&self) -> Vec<(NodeId, Places)> {
        self.peers.borrow().iter().map(|(peer, places)| (*peer, places.clone())).collect()
    }

    /// Returns the ids of the peers, in their order.
    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.peers.borrow().keys().copied().collect()
    }

    /// Whether a peer is noted.
    pub(super) fn knows(&self, peer: NodeId) -> bool {
        self.peers.borrow().contains_key(&peer)
    }

    /// Whether there was room for every peer so far.
    pub(in crate::node) fn is_complete(&self) -> bool {
        self.peers.borrow().len() < MET_PEERS_MAX
    }

    /// Returns the peers that take up one of [`MEMBERS_MAX`] places each: those that the list does not name.
    pub(super) fn unnamed(&self, members: &MembersInForce) -> Vec<NodeId> {
        self.ids().into_iter().filter(|peer| !members.names(*peer)).collect()
    }

    /// Whether a peer is noted, or there is room to note it.
    pub(super) fn has_room_for(&self, peer: NodeId, members: &MembersInForce) -> bool {
        let has_place = || members.names(peer) || self.unnamed(members).len() < MEMBERS_MAX;
        self.knows(peer) || (self.is_complete() && has_place())
    }

    /// Returns where a peer was, if it is noted.
    pub(super) fn places(&self, peer: NodeId) -> Option<Places> {
        self.peers.borrow().get(&peer).cloned()
    }

    /// Returns what has to be noted of a peer that is connected in this way; `None` if that is noted, or cannot be.
    pub(super) fn lacks(&self, peer: NodeId, way: &Way, is_reached: bool) -> Option<Places> {
        match self.peers.borrow().get(&peer) {
            Some(noted) => Some(noted.and(way, is_reached)).filter(|all| all != noted),
            None => self.is_complete().then(|| Places::default().and(way, is_reached)),
        }
    }

    /// Notes a peer, which the catalog has.
    pub(super) fn insert(&self, peer: NodeId, places: Places) {
        self.peers.borrow_mut().insert(peer, places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::{MemberChange, Members};

    fn peer(number: usize) -> NodeId {
        let mut id = NodeId([0; 32]);
        id.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
        id
    }

    fn address(port: u16) -> Address {
        format!("10.0.0.1:{port}").parse().expect("an address")
    }

    fn inbound(said: Option<u16>) -> Way {
        Way::Inbound { from: address(40_000), said: said.map(address) }
    }

    fn places(dialled: Option<u16>, seen: Option<u16>) -> Places {
        Places { dialled: dialled.map(address), seen: seen.map(address) }
    }

    #[test]
    fn nodes_that_the_list_names_take_up_no_place_and_always_find_one() {
        let met = Met::new((0..MEMBERS_MAX).map(|number| (peer(number), String::new())).collect());
        let mut members = Members::default();
        let has_room = |members: &Members, number| {
            let in_force = MembersInForce::new(members.clone());
            met.has_room_for(peer(number), &in_force)
        };
        let (one, other) = (MEMBERS_MAX, MEMBERS_MAX + 1);
        assert!(has_room(&members, 0) && !has_room(&members, one) && !has_room(&members, other));
        members.change(MemberChange::Allow(peer(one))).expect("room");
        assert!(has_room(&members, one) && !has_room(&members, other));
        members.change(MemberChange::Forget(peer(0))).expect("room");
        assert!(has_room(&members, other), "the place of the forgotten one");
        met.insert(peer(other), Places::default());
        assert!(!has_room(&members, MEMBERS_MAX + 2));
    }

    #[test]
    fn a_peer_is_noted_once_and_none_beyond_the_bound() {
        let met = Met::new((1..MET_PEERS_MAX).map(|number| (peer(number), String::new())).collect());
        assert!(met.is_complete() && met.lacks(peer(0), &inbound(None), false).is_some(), "there is room for one");
        met.insert(peer(0), Places::default());
        assert!(!met.is_complete());
        assert!(met.lacks(peer(MET_PEERS_MAX), &inbound(None), false).is_none());
        assert!(met.lacks(peer(0), &inbound(None), false).is_none());
        let dialled = Way::Configured(address(1));
        assert_eq!(met.lacks(peer(0), &dialled, true), Some(places(Some(1), None)), "where it is dialled is not noted");
        met.insert(peer(0), places(Some(1), None));
        assert_eq!(met.lacks(peer(0), &dialled, true), None);
    }

    #[test]
    fn where_a_peer_is_reached_is_not_hidden_by_what_it_says() {
        let nowhere = Places::default();
        assert_eq!(nowhere.and(&inbound(Some(3)), false), places(None, Some(3)));
        assert_eq!(nowhere.and(&inbound(Some(3)), false).and(&inbound(None), false), places(None, Some(3)));
        let dialled = nowhere.and(&Way::Configured(address(1)), false);
        assert_eq!(dialled.and(&inbound(Some(3)), true), dialled);
        let moved = dialled.and(&inbound(Some(3)), false);
        assert_eq!(moved, places(Some(1), Some(3)), "it was not reached, and has come by itself");
        assert_eq!(moved.last(), Some(&address(1)), "it is dialled where this node was told to");
        let found = dialled.and(&Way::Found(address(2)), false);
        assert_eq!(found, places(Some(1), Some(2)));
        assert_eq!(found.and(&inbound(Some(3)), true).and(&Way::Configured(address(1)), true), found);
    }

    #[test]
    fn places_read_back() {
        for places in [places(None, None), places(Some(1), None), places(None, Some(2)), places(Some(1), Some(2))] {
            assert_eq!(Places::parse(&places.to_string()), places);
        }
        assert_eq!(Places::parse("no address"), Places::default());
    }
}

//! The peers that were ever connected, also before this start: a peer that dials in is on no list of this node, and may
//! still hold its files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::liveness::Way;
use crate::crypto::NodeId;
use crate::limits::MEMBERS_MAX;
use crate::transport::Address;

/// Where a peer was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::node) struct Places {
    /// Where this node was told to dial, and the peer answered.
    pub(super) dialled: Option<Address>,
    /// Where the peer was found, or where it says that it listens.
    pub(super) seen: Option<Address>,
}

impl Places {
    /// Returns what the way of a connection says.
    pub(super) fn of(way: &Way) -> Self {
        match way.clone() {
            Way::Configured(address) => Self { dialled: Some(address), seen: None },
            Way::Found(address) => Self { dialled: None, seen: Some(address) },
            Way::Inbound { said, .. } => Self { dialled: None, seen: said },
        }
    }

    /// Returns both; what is newer counts.
    pub(super) fn and(&self, newer: &Self) -> Self {
        let newest = |newer: &Option<Address>, older: &Option<Address>| newer.clone().or_else(|| older.clone());
        Self { dialled: newest(&newer.dialled, &self.dialled), seen: newest(&newer.seen, &self.seen) }
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
        self.peers.borrow().len() < MEMBERS_MAX
    }

    /// Returns what has to be noted of a peer that was at these places; `None` if that is noted, or cannot be.
    pub(super) fn lacks(&self, peer: NodeId, places: &Places) -> Option<Places> {
        match self.peers.borrow().get(&peer) {
            Some(noted) => Some(noted.and(places)).filter(|all| all != noted),
            None => self.is_complete().then(|| places.clone()),
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

    fn peer(number: usize) -> NodeId {
        let mut id = NodeId([0; 32]);
        id.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
        id
    }

    fn dialled(port: u16) -> Places {
        Places { dialled: Some(address(port)), seen: None }
    }

    fn seen(port: u16) -> Places {
        Places { dialled: None, seen: Some(address(port)) }
    }

    fn address(port: u16) -> Address {
        format!("10.0.0.1:{port}").parse().expect("an address")
    }

    #[test]
    fn a_peer_that_finds_no_room_counts_as_noted_so_that_it_is_not_tried_for_ever() {
        let met = Met::new((1..MEMBERS_MAX).map(|number| (peer(number), String::new())).collect());
        let nowhere = Places::default();
        assert!(met.is_complete() && met.lacks(peer(0), &nowhere).is_some(), "there is room for one");
        met.insert(peer(0), nowhere.clone());
        assert!(!met.is_complete());
        assert!(met.lacks(peer(MEMBERS_MAX), &nowhere).is_none() && met.lacks(peer(0), &nowhere).is_none());
        assert_eq!(met.lacks(peer(0), &dialled(1)), Some(dialled(1)), "where it is dialled is not noted");
        met.insert(peer(0), dialled(1));
        assert_eq!(met.lacks(peer(0), &dialled(1)), None);
    }

    #[test]
    fn where_a_peer_was_found_does_not_hide_where_it_is_dialled() {
        let met = Met::new(vec![(peer(0), String::new())]);
        met.insert(peer(0), dialled(1));
        let both = met.lacks(peer(0), &seen(2)).expect("it was not seen there before");
        assert_eq!((both.dialled.as_ref(), both.seen.as_ref()), (Some(&address(1)), Some(&address(2))));
        met.insert(peer(0), both.clone());
        assert!(met.lacks(peer(0), &dialled(1)).is_none() && met.lacks(peer(0), &seen(2)).is_none());
        assert_eq!(met.lacks(peer(0), &seen(3)), Some(dialled(1).and(&seen(3))));
    }

    #[test]
    fn places_read_back() {
        let nowhere = Places::default();
        for places in [nowhere.clone(), dialled(1), seen(2), dialled(1).and(&seen(2))] {
            assert_eq!(Places::parse(&places.to_string()), places);
        }
        assert_eq!(Places::parse("no address"), nowhere);
    }
}

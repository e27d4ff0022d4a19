//! The peers of a node, connected or away, and the connections on which the node asks them. A peer is connected while a
//! control connection to it lives.

pub(super) mod admission;
pub(super) mod control;
pub(super) mod hints;
pub(super) mod in_flight;
pub(super) mod liveness;
pub(super) mod met;
pub(super) mod open;
pub(super) mod peer;
pub(super) mod pool;
pub(super) mod schedule;
pub(super) mod seek;
pub(super) mod status;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::crypto::{NodeId, Version};
use crate::limits::{MEMBERS_MAX, PEERS_MAX};
use crate::membership::Dial;
use crate::node::members::MembersInForce;
use crate::transport::Address;
use hints::Hints;
use met::Met;
use peer::Peer;

/// All peers of a node.
pub(super) struct Peers<S> {
    dials: RefCell<Vec<Dial>>,
    known: RefCell<BTreeMap<NodeId, Rc<Peer<S>>>>,
    pub(super) met: Met,
    pub(super) hints: Hints,
}

/// Why there is no room for one more peer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// As many are connected as can be.
    #[error("this node has {PEERS_MAX} other peers")]
    Connected,
    /// As many are remembered as can be.
    #[error(
        "this node remembers {MEMBERS_MAX} nodes that are not on its list: `dacapo peers forget` makes room for \
         others, and `dacapo peers allow` lets this one in"
    )]
    Remembered,
}

impl<S> Peers<S> {
    /// Returns a table of which no peer is connected, which knows what is dialled and who was connected before.
    pub(super) fn new(dials: Vec<Dial>, met: Met) -> Self {
        Self { dials: RefCell::new(dials), known: RefCell::default(), met, hints: Hints::default() }
    }

    /// Notes which node answers at an address. What is at another address of that node is not another peer.
    pub(super) fn note_answer(&self, address: &Address, node: NodeId) {
        for dial in self.dials.borrow_mut().iter_mut().filter(|dial| dial.address == *address) {
            dial.node = Some(node);
        }
    }

    /// Whether an address is dialled.
    pub(super) fn dials(&self, address: &Address) -> bool {
        self.dials.borrow().iter().any(|dial| dial.address == *address)
    }

    /// Whether an address is dialled at which this node may answer, because no other one has.
    fn dials_at(&self, address: &Address, node: NodeId) -> bool {
        let is_it = |dial: &Dial| dial.address == *address && dial.node.is_none_or(|other| other == node);
        self.dials.borrow().iter().any(is_it)
    }

    /// Returns the address at which this node was told to dial a peer, if it was.
    fn dial_of(&self, node: NodeId) -> Option<Address> {
        let met = self.met.places(node).and_then(|places| places.dialled);
        let is_it = |dial: &&Dial| dial.node.map_or(met.as_ref() == Some(&dial.address), |other| other == node);
        self.dials.borrow().iter().find(is_it).map(|dial| dial.address.clone())
    }

    /// Returns the ids of all peers that were ever connected, in their order.
    fn ever(&self) -> BTreeSet<NodeId> {
        self.met.ids().into_iter().chain(self.known.borrow().keys().copied()).collect()
    }

    /// Forgets an address that is dialled.
    fn forget_address(&self, address: &Address) {
        self.dials.borrow_mut().retain(|dial| dial.address != *address);
    }

    /// Returns the connected peers, in the order of their ids.
    pub(super) fn connected(&self) -> Vec<Rc<Peer<S>>> {
        self.known.borrow().values().filter(|peer| peer.is_connected()).cloned().collect()
    }

    /// Notes that there is a deletion which peers may not know.
    pub(super) fn note_deletion(&self, version: Version) {
        self.known.borrow().values().for_each(|peer| peer.repair.note_deletion(version));
    }

    /// Returns the peers that are connected, or were a short time ago. In the long run files are placed on these peers.
    pub(super) fn placement_candidates(&self) -> Vec<NodeId> {
        self.known.borrow().values().filter(|peer| peer.is_placement_candidate()).map(|peer| peer.id).collect()
    }

    /// Returns how many connections this node has opened for peers to ask on.
    pub(super) fn opened_for_them(&self) -> usize {
        self.known.borrow().values().map(|peer| peer.opened_for_it()).sum()
    }

    /// Returns how many exchanges this node has begun with its peers.
    pub(super) fn exchanges(&self) -> usize {
        self.known.borrow().values().map(|peer| peer.exchanges()).sum()
    }

    pub(super) fn find(&self, id: NodeId) -> Option<Rc<Peer<S>>> {
        self.known.borrow().get(&id).cloned()
    }

    /// Forgets every peer that is no longer admitted. Its connections end by themselves.
    pub(super) fn drop_all_but(&self, is_admitted: impl Fn(NodeId) -> bool) {
        self.known.borrow_mut().retain(|id, peer| {
            let stays = is_admitted(*id);
            if !stays {
                peer.drop_idle();
            }
            stays
        });
    }

    /// Fails unless this peer is known, or there is room for one more: that is connected, and that is remembered.
    pub(super) fn room_for(&self, id: NodeId, members: &MembersInForce) -> Result<(), NoRoom> {
        let known = self.known.borrow();
        let is_full = || known.values().filter(|peer| peer.is_connected()).count() >= PEERS_MAX;
        match known.contains_key(&id) {
            false if is_full() => Err(NoRoom::Connected),
            false if !self.met.has_room_for(id, members) => Err(NoRoom::Remembered),
            _ => Ok(()),
        }
    }

    /// Closes the incoming connection on which this node has longest asked nothing. Returns whether there was one.
    pub(super) fn drop_idle_in_place(&self) -> bool {
        let known = self.known.borrow();
        let waiting = known.values().filter_map(|peer| Some((peer.oldest_in_place()?, peer)));
        let oldest = waiting.min_by_key(|(since, _)| *since);
        oldest.inspect(|(_, peer)| peer.drop_oldest_in_place()).is_some()
    }

    /// Returns the peer with this id, and adds it if it is not known yet.
    fn entry(&self, id: NodeId) -> Rc<Peer<S>> {
        let mut known = self.known.borrow_mut();
        if known.len() >= PEERS_MAX && !known.contains_key(&id) {
            // Peers that are away are remembered only while there is room.
            known.retain(|_, peer| peer.is_connected());
        }
        known.entry(id).or_insert_with(|| Rc::new(Peer::new(id))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::met::Places;
    use super::*;
    use crate::membership::{MemberChange, Members};

    fn peers(addresses: &[&Address]) -> Peers<()> {
        let dials = addresses.iter().map(|address| Dial { address: (*address).clone(), node: None });
        Peers::new(dials.collect(), Met::default())
    }

    #[test]
    fn an_address_is_that_of_the_node_that_answers_there() {
        let [a, b, c] = ["a:1", "b:1", "c:1"].map(|address| address.parse::<Address>().expect("an address"));
        let (one, other) = (NodeId([1; 32]), NodeId([2; 32]));
        let peers = peers(&[&a, &b]);
        assert!(peers.dials_at(&a, one) && peers.dials_at(&a, other) && !peers.dials_at(&c, one));
        peers.note_answer(&a, one);
        assert!(peers.dials_at(&a, one) && !peers.dials_at(&a, other));
        assert!(peers.dials_at(&b, one) && peers.dials_at(&b, other), "no node has answered there");
    }

    #[test]
    fn a_node_that_could_not_be_remembered_finds_no_room() {
        let peers = peers(&[]);
        let node = |number: usize| {
            let mut id = NodeId([0; 32]);
            id.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
            id
        };
        for number in 0..MEMBERS_MAX {
            assert_eq!(peers.room_for(node(number), &MembersInForce::default()), Ok(()));
            peers.met.insert(node(number), Places::default());
        }
        assert_eq!(peers.room_for(node(0), &MembersInForce::default()), Ok(()), "it is remembered");
        let (stranger, mut members) = (node(MEMBERS_MAX), Members::default());
        assert_eq!(peers.room_for(stranger, &MembersInForce::default()), Err(NoRoom::Remembered));
        members.change(MemberChange::Forget(node(0))).expect("room");
        assert_eq!(peers.room_for(stranger, &MembersInForce::new(members)), Ok(()));
    }

    #[tokio::test]
    async fn an_exchange_counts_until_it_ends() {
        let peers = peers(&[]);
        let (one, other) = (peers.entry(NodeId([1; 32])), peers.entry(NodeId([2; 32])));
        let (first, second) = (pool::slot(&one).await, pool::slot(&other).await);
        assert_eq!(peers.exchanges(), 2);
        drop((first, second));
        assert_eq!(peers.exchanges(), 0);
    }
}

//! The starts of each peer. If a peer has started again, its connections from before are dead, mostly without a sign of
//! it. So the first handshake of a start that was not seen before ends all connections of the peer's earlier starts,
//! and their places are free at once.
//!
//! A start is seen before only once. Two running nodes with one identity therefore end each other's connections once
//! each, and not in turn.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::tally::{Tallied, Tally};
use crate::crypto::NodeId;
use crate::limits::{BOOTS_PER_PEER_MAX, MEMBERS_MAX};
use crate::protocol::{BootId, Purpose, WireError};

/// The starts from which peers have connected. Bounded by [`BOOTS_PER_PEER_MAX`] for each peer.
#[derive(Default)]
pub(super) struct Boots {
    known: RefCell<BTreeMap<NodeId, VecDeque<PeerBoot>>>,
    entered: Cell<u64>,
    /// The incoming connections that have not come to their end, those of starts that are over among them: a connection
    /// ends at its next look at the other side, and may wait for a lock until then.
    open: Tally<NodeId, usize>,
}

/// One start of a peer. Clones are the same start.
#[derive(Clone)]
pub(super) struct PeerBoot {
    id: BootId,
    over: CancellationToken,
    was_turned_away: Rc<Cell<bool>>,
    is_lost: Rc<Notify>,
    inbound: Rc<RefCell<BTreeMap<u64, (Purpose, OwnedSemaphorePermit)>>>,
}

/// The place of an incoming connection, held for as long as this value lives or until a later start takes it.
pub(super) struct InboundPlace {
    number: u64,
    boot: PeerBoot,
    _open: Tallied<NodeId, usize>,
}

impl Boots {
    /// Returns the start that a connection belongs to. If the start was not seen before, all earlier ones are over.
    pub(super) fn enter(&self, peer: NodeId, id: BootId) -> PeerBoot {
        let mut known = self.known.borrow_mut();
        if known.len() >= MEMBERS_MAX && !known.contains_key(&peer) {
            // Of a peer without connections there is nothing to end.
            known.retain(|_, boots| boots.iter().any(PeerBoot::has_connections));
        }
        let boots = known.entry(peer).or_default();
        let boot = match boots.iter().position(|boot| boot.id == id).and_then(|index| boots.remove(index)) {
            Some(boot) if !boot.is_over() => boot,
            // The start goes on beside a later one.
            Some(_) => PeerBoot::new(id),
            None => {
                boots.iter().for_each(PeerBoot::end);
                PeerBoot::new(id)
            }
        };
        boots.push_back(boot.clone());
        if boots.len() > BOOTS_PER_PEER_MAX {
            boots.pop_front();
        }
        boot
    }

    /// Ends the connections of every peer that is not admitted. They end even if the peer is admitted again before they
    /// look.
    pub(super) fn turn_away_all_but(&self, is_admitted: impl Fn(NodeId) -> bool) {
        let known = self.known.borrow();
        for boot in known.iter().filter(|(peer, _)| !is_admitted(**peer)).flat_map(|(_, boots)| boots) {
            boot.was_turned_away.set(true);
            boot.end();
        }
    }

    /// Notes that the last control connection of a peer was lost.
    pub(super) fn note_lost(&self, peer: NodeId) {
        self.known.borrow().get(&peer).into_iter().flatten().for_each(|boot| boot.is_lost.notify_waiters());
    }

    /// Returns how many incoming connections of this kind a peer has.
    pub(super) fn inbound(&self, peer: NodeId, purpose: Purpose) -> usize {
        let of_boot = |boot: &PeerBoot| boot.inbound.borrow().values().filter(|(of, _)| *of == purpose).count();
        self.known.borrow().get(&peer).map_or(0, |boots| boots.iter().map(of_boot).sum())
    }

    /// Returns how many incoming connections of a peer have not come to their end.
    pub(super) fn open(&self, peer: NodeId) -> usize {
        self.open.sum(peer)
    }

    /// Returns how many incoming connections there are.
    pub(super) fn all_inbound(&self) -> usize {
        self.known.borrow().values().flatten().map(|boot| boot.inbound.borrow().len()).sum()
    }

    /// Gives a place to an incoming connection of a peer.
    pub(super) fn take_place(
        &self,
        (peer, boot): (NodeId, &PeerBoot),
        purpose: Purpose,
        of_node: OwnedSemaphorePermit,
    ) -> InboundPlace {
        let number = self.entered.get();
        self.entered.set(number + 1);
        if !boot.is_over() {
            boot.inbound.borrow_mut().insert(number, (purpose, of_node));
        }
        InboundPlace { number, boot: boot.clone(), _open: self.open.add(peer, 1) }
    }
}

impl PeerBoot {
    fn new(id: BootId) -> Self {
        Self {
            id,
            over: CancellationToken::new(),
            was_turned_away: Rc::default(),
            is_lost: Rc::default(),
            inbound: Rc::default(),
        }
    }

    /// Ends the connections of the start, and frees their places.
    fn end(&self) {
        self.inbound.borrow_mut().clear();
        self.over.cancel();
    }

    fn has_connections(&self) -> bool {
        // One reference is in the table.
        Rc::strong_count(&self.inbound) > 1
    }

    pub(super) fn id(&self) -> BootId {
        self.id
    }

    /// Whether a later start of the peer has connected, or the peer was turned away.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits until the last control connection of the peer is lost.
    pub(super) async fn lost(&self) {
        self.is_lost.notified().await;
    }

    /// Waits until the start is over, and returns why.
    pub(super) async fn over(&self) -> WireError {
        self.over.cancelled().await;
        if self.was_turned_away.get() { WireError::TurnedAway } else { WireError::Superseded }
    }
}

impl Drop for InboundPlace {
    fn drop(&mut self) {
        self.boot.inbound.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    const PEER: NodeId = NodeId([1; 32]);

    fn id(number: usize) -> BootId {
        BootId((number as u64).to_le_bytes())
    }

    #[test]
    fn a_new_start_ends_the_earlier_ones_and_frees_their_places() {
        let (boots, node) = (Boots::default(), Arc::new(Semaphore::new(2)));
        let place = |boot: &PeerBoot| {
            let of_node = node.clone().try_acquire_owned().expect("room");
            boots.take_place((PEER, boot), Purpose::DialerAsks, of_node)
        };
        let old = boots.enter(PEER, id(1));
        let places = [place(&old), place(&old)];
        assert_eq!((boots.inbound(PEER, Purpose::DialerAsks), node.available_permits()), (2, 0));
        let new = boots.enter(PEER, id(2));
        assert!(old.is_over() && !new.is_over());
        assert_eq!((boots.inbound(PEER, Purpose::DialerAsks), node.available_permits()), (0, 2));
        assert_eq!(boots.open(PEER), 2, "they have not looked");
        drop(places);
        assert_eq!(boots.open(PEER), 0);
        drop(place(&new));
        assert_eq!((boots.inbound(PEER, Purpose::DialerAsks), node.available_permits()), (0, 2));
    }

    #[test]
    fn two_starts_that_both_go_on_end_each_other_once() {
        let boots = Boots::default();
        boots.enter(PEER, id(1));
        let second = boots.enter(PEER, id(2));
        for _ in 0..10 {
            let first = boots.enter(PEER, id(1));
            assert!(!first.is_over() && !second.is_over() && !boots.enter(PEER, id(2)).is_over());
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let boots = Boots::default();
        for number in 0..3 * BOOTS_PER_PEER_MAX {
            boots.enter(PEER, id(number));
        }
        for number in 0..3 * MEMBERS_MAX {
            boots.enter(
                NodeId([2; 32].map(|byte: u8| byte.wrapping_add(u8::try_from(number % 251).expect("small")))),
                id(number),
            );
        }
        let known = boots.known.borrow();
        assert!(known.len() <= MEMBERS_MAX && known.values().all(|boots| boots.len() <= BOOTS_PER_PEER_MAX));
    }
}

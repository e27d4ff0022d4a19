//! One peer: its addresses, how many control connections it has, and the idle connections on which this node may ask
//! it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};

use super::liveness::{Liveness, Way};
use super::schedule::RepairSchedule;
use crate::crypto::NodeId;
use crate::limits::{DIAL_TIMEOUT, IDLE_ASKER_TIMEOUT, PLACEMENT_GRACE, POOL_CONNECTIONS_MAX, REPAIRS_MAX};
use crate::node::connection::Connection;
use crate::transport::Address;

/// One peer, connected or away.
pub(in crate::node) struct Peer<S> {
    pub(in crate::node) id: NodeId,
    /// Where the peer could be dialled last.
    last: RefCell<Option<Address>>,
    controls: RefCell<Vec<Rc<Liveness>>>,
    /// Whether the peer runs more than once.
    has_twin: Cell<bool>,
    /// Whether the peer says that this node runs more than once.
    sees_twin: Cell<bool>,
    /// When a control connection was lost last.
    lost: Cell<Option<Instant>>,
    idle: RefCell<VecDeque<Connection<S>>>,
    /// Bounds the exchanges with the peer.
    pub(super) slots: Arc<Semaphore>,
    /// How many connections the peer is to open, because it cannot be dialled.
    wanted: Cell<u8>,
    wanted_changed: Notify,
    opened: Notify,
    pub(in crate::node) repair: RepairSchedule,
    /// Whether a store has left the peer behind since it last took a file in time.
    pub(in crate::node) is_slow: Rc<Cell<bool>>,
    /// Bounds the connections that this side opened for the peer to ask on.
    pub(in crate::node) opened_for_it: Arc<Semaphore>,
    /// Bounds the replicas that the peer gives to other peers, so that callers have their part of the connections.
    pub(in crate::node) relays: Arc<Semaphore>,
    /// Bounds the replicas that the peer compares because a get has found them bad.
    pub(in crate::node) comparisons: Arc<Semaphore>,
}

impl<S> Peer<S> {
    pub(super) fn new(id: NodeId) -> Self {
        Self {
            id,
            last: RefCell::default(),
            controls: RefCell::default(),
            has_twin: Cell::default(),
            sees_twin: Cell::default(),
            lost: Cell::default(),
            idle: RefCell::default(),
            slots: Arc::new(Semaphore::new(POOL_CONNECTIONS_MAX)),
            wanted: Cell::new(0),
            wanted_changed: Notify::new(),
            opened: Notify::new(),
            repair: RepairSchedule::default(),
            is_slow: Rc::default(),
            opened_for_it: Arc::new(Semaphore::new(POOL_CONNECTIONS_MAX)),
            relays: Arc::new(Semaphore::new(REPAIRS_MAX / 2)),
            comparisons: Arc::new(Semaphore::new(1)),
        }
    }

    pub(in crate::node) fn is_connected(&self) -> bool {
        !self.controls.borrow().is_empty()
    }

    /// Whether the peer is connected, or was a short time ago.
    pub(super) fn is_placement_candidate(&self) -> bool {
        self.is_connected() || self.lost.get().is_some_and(|lost| lost.elapsed() < PLACEMENT_GRACE)
    }

    /// Returns when the last control connection was lost, if one was.
    pub(super) fn lost(&self) -> Option<Instant> {
        self.lost.get()
    }

    /// Returns the address at which the peer is dialled, if it can be.
    pub(super) fn address(&self) -> Option<Address> {
        self.addresses().into_iter().next().or_else(|| self.last.borrow().clone())
    }

    /// Returns the addresses by which the peer is connected: where this node has reached it, and then where it says
    /// itself that it is.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let controls = self.controls.borrow();
        let ways = || controls.iter().rev().map(|control| &control.way);
        let reached = ways().filter_map(Way::reached);
        reached.chain(ways().filter_map(Way::said)).cloned().collect()
    }

    /// Returns how the newest connection has come about.
    pub(in crate::node) fn way(&self) -> Option<Way> {
        self.controls.borrow().last().map(|control| control.way.clone())
    }

    /// Whether the peer is connected where this node has dialled it.
    pub(super) fn is_reached(&self) -> bool {
        self.controls.borrow().iter().any(|control| control.way.reached().is_some())
    }

    /// Whether the peer is connected, and not where this node was told to dial it.
    pub(super) fn is_elsewhere(&self) -> bool {
        let controls = self.controls.borrow();
        !controls.is_empty() && !controls.iter().any(|control| matches!(control.way, Way::Configured(_)))
    }

    /// Counts one more control connection, and returns how many there are.
    pub(super) fn add_control(&self, control: Rc<Liveness>) -> usize {
        if !self.is_connected() {
            // The way to the peer may be another one.
            self.is_slow.set(false);
        }
        self.controls.borrow_mut().push(control);
        self.last.replace(self.address());
        // The peer may have started again: its connections from before may be dead without a sign of it.
        self.drop_idle();
        self.controls()
    }

    /// Returns how many control connections there are.
    pub(super) fn controls(&self) -> usize {
        self.controls.borrow().len()
    }

    /// Takes a control connection off the count.
    pub(super) fn remove_control(&self, control: &Rc<Liveness>) {
        self.controls.borrow_mut().retain(|other| !Rc::ptr_eq(other, control));
        self.look_for_twins();
        self.sees_twin.set(self.sees_twin.get() && self.is_connected());
        self.lost.set(Some(Instant::now()));
        self.drop_idle();
    }

    /// Whether the peer can be asked to open a connection: an answer to one of its heartbeats says so.
    pub(super) fn hears_what_is_wanted(&self) -> bool {
        self.controls.borrow().iter().any(|control| matches!(control.way, Way::Inbound { .. }))
    }

    /// Looks whether the peer runs more than once. Returns the addresses of two such nodes if this is new.
    pub(super) fn look_for_twins(&self) -> Option<[Address; 2]> {
        let controls = self.controls.borrow();
        let pairs = controls
            .iter()
            .enumerate()
            .flat_map(|(index, one)| controls.iter().skip(index + 1).map(move |other| (one, other)));
        let found = pairs.into_iter().find(|(one, other)| one.is_beside(other));
        let was_known = self.has_twin.replace(found.is_some());
        found.filter(|_| !was_known).map(|(one, other)| [one, other].map(|control| control.way.seen_at().clone()))
    }

    /// Whether the peer runs more than once: two nodes with its identity are connected.
    pub(in crate::node) fn has_twin(&self) -> bool {
        self.has_twin.get()
    }

    /// Notes whether the peer says that this node runs more than once. Returns what it said before.
    pub(super) fn hear_of_twin(&self, sees_twin: bool) -> bool {
        self.sees_twin.replace(sees_twin)
    }

    /// Whether the peer says that this node runs more than once.
    pub(in crate::node) fn sees_twin(&self) -> bool {
        self.sees_twin.get()
    }

    /// Returns how many connections this side has opened for the peer to ask on.
    pub(super) fn opened_for_it(&self) -> usize {
        POOL_CONNECTIONS_MAX - self.opened_for_it.available_permits()
    }

    /// Returns how many exchanges this node has begun with the peer.
    pub(super) fn exchanges(&self) -> usize {
        POOL_CONNECTIONS_MAX - self.slots.available_permits()
    }

    /// Closes the idle connections.
    pub(super) fn drop_idle(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Returns since when the oldest of the idle connections that take a place of this node has been idle.
    pub(super) fn oldest_in_place(&self) -> Option<Instant> {
        self.idle.borrow().iter().find(|idle| idle.has_place()).map(|idle| idle.used)
    }

    /// Closes that connection.
    pub(super) fn drop_oldest_in_place(&self) {
        let mut idle = self.idle.borrow_mut();
        if let Some(oldest) = idle.iter().position(Connection::has_place) {
            idle.remove(oldest);
        }
    }

    /// Returns how many connections the peer is asked to open. Each of them is asked for once.
    pub(in crate::node) fn take_wanted(&self) -> u8 {
        self.wanted.take()
    }

    /// Waits until the peer is asked to open a connection.
    pub(in crate::node) async fn wants_any(&self) {
        while self.wanted.get() == 0 {
            self.wanted_changed.notified().await;
        }
    }

    /// Takes a connection on which this side may ask. Closes it if there are enough.
    pub(in crate::node) fn offer(&self, connection: Connection<S>) {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| !idle.is_over());
        if idle.len() < POOL_CONNECTIONS_MAX {
            idle.push_back(connection);
            self.opened.notify_one();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Closes the connections that have been idle for too long or were closed by the peer.
    pub(in crate::node) fn sweep(&self) {
        self.idle.borrow_mut().retain_mut(|idle| idle.used.elapsed() < IDLE_ASKER_TIMEOUT && !idle.is_stale());
    }

    /// Takes an idle connection that is still usable. The connection that was used last is the least likely to be
    /// closed, and may still have been closed by the peer just before.
    pub(super) fn take_idle(&self) -> Option<Connection<S>> {
        std::iter::from_fn(|| self.idle.borrow_mut().pop_back())
            .find_map(|mut idle| (idle.used.elapsed() < IDLE_ASKER_TIMEOUT && !idle.is_stale()).then_some(idle))
            .map(Connection::after_idling)
    }

    /// Has the peer open a connection, and waits for it, unless there is an idle one.
    pub(super) async fn wait_for_opened(&self) -> Option<Connection<S>> {
        if let Some(connection) = self.take_idle() {
            return Some(connection);
        }
        // What was opened while nobody waited is taken already.
        self.opened.notified().now_or_never();
        timeout(DIAL_TIMEOUT, async {
            loop {
                // Another exchange may have taken the one before.
                self.wanted.set(self.wanted.get().saturating_add(1));
                self.wanted_changed.notify_one();
                self.opened.notified().await;
                if let Some(connection) = self.take_idle() {
                    return connection;
                }
            }
        })
        .await
        .ok()
    }
}

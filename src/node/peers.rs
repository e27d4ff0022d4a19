//! The peers of a node and the connections on which it asks them.
//!
//! A peer is connected while a control connection to it lives. Asking takes an idle connection of the peer's
//! pool, or dials one, or, where the peer cannot be dialled, has the peer open one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::handle::answers::{PeerInfo, Progress};
use super::refused::Refused;
use super::repair::Repair;
use super::{Shared, Stream, dial};
use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::{
    CONTROLS_PER_PEER_MAX, DIAL_TIMEOUT, IDLE_ASKER_TIMEOUT, PEERS_MAX, PLACEMENT_GRACE, POOL_CONNECTIONS_MAX,
};
use crate::platform::Platform;
use crate::protocol::{Message, Purpose, WireError};
use crate::transport::Address;

/// All peers of a node.
pub(super) struct Peers<S> {
    configured: Vec<Address>,
    known: RefCell<BTreeMap<NodeId, Rc<Peer<S>>>>,
    pub(super) refused: Refused,
}

/// One peer, connected or away.
pub(super) struct Peer<S> {
    pub(super) id: NodeId,
    address: RefCell<Option<Address>>,
    /// The configured address that led to it.
    configured: RefCell<Option<Address>>,
    controls: Cell<usize>,
    /// When it was connected last.
    lost: Cell<Option<Instant>>,
    idle: RefCell<VecDeque<Connection<S>>>,
    slots: Arc<Semaphore>,
    /// Connections that the peer is to open, because it cannot be dialled.
    wanted: Cell<u8>,
    pub(super) wanted_changed: Notify,
    opened: Notify,
    pub(super) repair: Repair,
    /// Bounds the connections that this side opened for the peer to ask on.
    pub(super) opened_for_it: Arc<Semaphore>,
}

/// A connection taken for one exchange. Dropped before [`done`](Self::done), it is closed.
pub(super) struct Asking<S> {
    pub(super) connection: Connection<S>,
    peer: Rc<Peer<S>>,
    _slot: OwnedSemaphorePermit,
}

/// Counts a control connection for as long as it lives.
pub(super) struct Control<P: Platform> {
    inner: Shared<P>,
    pub(super) peer: Rc<Peer<Stream<P>>>,
}

impl<S> Peers<S> {
    pub(super) fn new(configured: Vec<Address>) -> Self {
        Self { configured, known: RefCell::default(), refused: Refused::default() }
    }

    /// The connected peers, in the order of their ids.
    pub(super) fn connected(&self) -> Vec<Rc<Peer<S>>> {
        self.known.borrow().values().filter(|peer| peer.is_connected()).cloned().collect()
    }

    /// The peers that are connected, or were a short time ago.
    pub(super) fn members(&self) -> Vec<NodeId> {
        let is_member = |peer: &&Rc<Peer<S>>| {
            peer.is_connected() || peer.lost.get().is_some_and(|lost| lost.elapsed() < PLACEMENT_GRACE)
        };
        self.known.borrow().values().filter(is_member).map(|peer| peer.id).collect()
    }

    pub(super) fn find(&self, id: NodeId) -> Option<Rc<Peer<S>>> {
        self.known.borrow().get(&id).cloned()
    }

    /// How many peers are configured or were connected, and are not connected now.
    pub(super) fn away(&self) -> usize {
        self.info().iter().filter(|peer| !peer.is_connected).count()
    }

    /// Every peer, the connected ones first.
    pub(super) fn info(&self) -> Vec<PeerInfo> {
        let known = self.known.borrow();
        let mut peers: Vec<_> = known
            .values()
            .map(|peer| PeerInfo {
                peer: Some(peer.id),
                address: peer.address.borrow().clone(),
                is_dialled: peer.configured.borrow().is_some(),
                is_connected: peer.is_connected(),
                progress: peer.repair.progress(),
                refused: self.refused.of(peer.id),
            })
            .collect();
        for address in &self.configured {
            let is_known = known.values().any(|peer| peer.configured.borrow().as_ref() == Some(address));
            if !is_known {
                peers.push(PeerInfo {
                    peer: None,
                    address: Some(address.clone()),
                    is_dialled: true,
                    is_connected: false,
                    progress: Progress::Unknown,
                    refused: 0,
                });
            }
        }
        peers.sort_by_key(|peer| !peer.is_connected);
        peers
    }

    /// Forgets all that it knows of those that are not peers any more; their connections end by themselves.
    pub(super) fn drop_all_but(&self, is_admitted: impl Fn(NodeId) -> bool) {
        self.known.borrow_mut().retain(|id, peer| {
            let stays = is_admitted(*id);
            if !stays {
                peer.idle.borrow_mut().clear();
            }
            stays
        });
    }

    /// Whether one more control connection may be opened for this peer.
    pub(super) fn has_room_for(&self, id: NodeId) -> bool {
        let known = self.known.borrow();
        if let Some(peer) = known.get(&id) {
            return peer.controls.get() < CONTROLS_PER_PEER_MAX;
        }
        known.values().filter(|peer| peer.is_connected()).count() < PEERS_MAX
    }

    fn entry(&self, id: NodeId) -> Rc<Peer<S>> {
        let mut known = self.known.borrow_mut();
        if known.len() >= PEERS_MAX && !known.contains_key(&id) {
            // Those that are away are remembered only while there is room.
            known.retain(|_, peer| peer.is_connected());
        }
        known.entry(id).or_insert_with(|| Rc::new(Peer::new(id))).clone()
    }
}

impl<S> Peer<S> {
    fn new(id: NodeId) -> Self {
        Self {
            id,
            address: RefCell::default(),
            configured: RefCell::default(),
            controls: Cell::new(0),
            lost: Cell::default(),
            idle: RefCell::default(),
            slots: Arc::new(Semaphore::new(POOL_CONNECTIONS_MAX)),
            wanted: Cell::new(0),
            wanted_changed: Notify::new(),
            opened: Notify::new(),
            repair: Repair::default(),
            opened_for_it: Arc::new(Semaphore::new(POOL_CONNECTIONS_MAX)),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.controls.get() > 0
    }

    /// How many connections the peer is asked to open, once per request.
    pub(super) fn take_wanted(&self) -> u8 {
        self.wanted.take()
    }

    pub(super) fn wants_any(&self) -> bool {
        self.wanted.get() > 0
    }
}

impl<S> Peer<S> {
    /// Takes a connection on which this side may ask.
    pub(super) fn offer(&self, connection: Connection<S>) {
        if self.idle.borrow().len() < POOL_CONNECTIONS_MAX {
            self.idle.borrow_mut().push_back(connection);
            self.opened.notify_one();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Drops connections that have been idle for too long or were closed by the peer.
    pub(super) fn sweep(&self) {
        self.idle.borrow_mut().retain_mut(|idle| idle.used.elapsed() < IDLE_ASKER_TIMEOUT && !idle.is_stale());
    }

    fn take_idle(&self) -> Option<Connection<S>> {
        // The one used last is the least likely to have been closed.
        std::iter::from_fn(|| self.idle.borrow_mut().pop_back())
            .find_map(|mut idle| (idle.used.elapsed() < IDLE_ASKER_TIMEOUT && !idle.is_stale()).then_some(idle))
    }

    async fn wait_for_opened(&self) -> Option<Connection<S>> {
        self.wanted.set(self.wanted.get().saturating_add(1));
        self.wanted_changed.notify_one();
        timeout(DIAL_TIMEOUT, async {
            loop {
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

impl<S: AsyncRead + AsyncWrite + Unpin> Asking<S> {
    /// Asks a question and waits for its answer.
    pub(super) async fn exchange(&mut self, question: &Message) -> Result<Message, WireError> {
        self.connection.send(question).await?;
        self.connection.receive().await
    }
}

impl<S> Asking<S> {
    /// Ends the exchange: the connection is free for the next one, unless the peer was lost meanwhile.
    pub(super) fn done(self) {
        if self.peer.is_connected() && !self.connection.is_turned_away() {
            self.peer.offer(self.connection);
        }
    }
}

/// Takes a connection on which this node may ask the peer.
pub(super) async fn ask<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
) -> Result<Asking<Stream<P>>, String> {
    let slot = peer.slots.clone().acquire_owned().await.expect("the pool is never closed");
    let taken = |connection| Ok(Asking { connection, peer: peer.clone(), _slot: slot });
    if let Some(connection) = peer.take_idle() {
        return taken(connection);
    }
    let address = peer.address.borrow().clone();
    let reason = match address {
        Some(address) => match dial::open_as(inner, &address, Purpose::DialerAsks, Some(peer.id)).await {
            Ok(connection) => return taken(connection),
            Err(error) => error,
        },
        None => "it does not listen".to_owned(),
    };
    match peer.wait_for_opened().await {
        Some(connection) => taken(connection),
        None => Err(format!("{reason}, and it opened no connection itself")),
    }
}

impl<P: Platform> Control<P> {
    /// Counts the peer as connected.
    pub(super) fn attach(
        inner: &Shared<P>,
        id: NodeId,
        address: Option<Address>,
        configured: Option<&Address>,
    ) -> Self {
        let peer = inner.peers.entry(id);
        if let Some(address) = configured {
            peer.configured.replace(Some(address.clone()));
        }
        let shown = address.clone();
        // What this node was told to dial is known to lead there; what a peer says of itself is not.
        if configured.is_some() || peer.configured.borrow().is_none() {
            peer.address.replace(address);
        }
        peer.controls.set(peer.controls.get() + 1);
        // It may have started again: its connections from before may be dead and not know it.
        peer.idle.borrow_mut().clear();
        peer.repair.begin_anew();
        if peer.controls.get() == 1 {
            inner.tell(&Event::PeerConnected { peer: id, address: shown });
        }
        Self { inner: inner.clone(), peer }
    }

    /// Ends the count, with the reason that is told where it was the last.
    pub(super) fn detach(self, reason: &str) {
        if self.peer.controls.get() == 1 {
            self.inner.tell(&Event::PeerLost { peer: self.peer.id, reason: reason.to_owned() });
        }
    }
}

impl<P: Platform> Drop for Control<P> {
    fn drop(&mut self) {
        self.peer.controls.set(self.peer.controls.get() - 1);
        self.peer.lost.set(Some(Instant::now()));
        self.peer.idle.borrow_mut().clear();
    }
}

//! Incoming connections: bounded in number, with a deadline on the handshake, dropped without a word where the
//! other side is not a node of this cluster.

mod drops;
mod knocks;
mod waiting;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Connection;
use super::link::{self, Credentials, Knock, LinkError};
use super::peers::Control;
use super::{Shared, Stream, repair, serve};
use crate::crypto::NodeId;
use crate::limits::{
    HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HEARTBEAT_GRACE, HEARTBEAT_INTERVAL, INBOUND_CONNECTIONS_MAX,
    INBOUND_PER_PEER_MAX, STRANGERS_MAX,
};
use crate::membership::Admission;
use crate::platform::Platform;
use crate::protocol::{Hello, Message, Purpose, Verdict};
use crate::transport::{Address, Transport};
use drops::Drops;
use knocks::Knocks;
use waiting::{Place, Waiting};

/// How long to wait after a failed accept, which mostly means that the process is out of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What bounds the incoming connections of a node, and tells of those that were dropped.
pub(super) struct Inbound {
    places: Arc<Semaphore>,
    strangers: Waiting,
    handshakes: Waiting,
    knocks: Knocks,
    drops: Drops,
    asking: Asking,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(INBOUND_CONNECTIONS_MAX)),
            strangers: Waiting::new(STRANGERS_MAX),
            handshakes: Waiting::new(HANDSHAKES_MAX),
            knocks: Knocks::default(),
            drops: Drops::default(),
            asking: Asking::default(),
        }
    }
}

/// How many connections each peer asks on, so that none takes the places of the others.
#[derive(Clone, Default)]
struct Asking {
    counts: Rc<RefCell<BTreeMap<NodeId, usize>>>,
}

/// A connection after the welcome.
struct Linked<S> {
    connection: Connection<S>,
    hello: Hello,
    counted: Option<Counted>,
    _slot: OwnedSemaphorePermit,
}

/// Counts one connection for as long as it lives.
struct Counted {
    peer: NodeId,
    asking: Asking,
}

impl Asking {
    /// One more, where there is room.
    fn admit(&self, peer: NodeId) -> Option<Counted> {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(peer).or_default();
        if *count == INBOUND_PER_PEER_MAX {
            return None;
        }
        *count += 1;
        Some(Counted { peer, asking: self.clone() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.asking.counts.borrow_mut();
        let count = counts.get_mut(&self.peer).expect("it was counted");
        *count -= 1;
        if *count == 0 {
            counts.remove(&self.peer);
        }
    }
}

/// Accepts until the node stops.
pub(super) async fn run<P: Platform>(inner: Shared<P>, mut listener: <P::Transport as Transport>::Listener) {
    loop {
        let (stream, from) = match inner.platform.transport().accept(&mut listener).await {
            Ok(accepted) => accepted,
            Err(_) => {
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        inner.spawn(receive(inner.clone(), stream, from));
    }
}

async fn receive<P: Platform>(inner: Shared<P>, stream: Stream<P>, from: SocketAddr) {
    match link_up(&inner, stream).await {
        Ok(linked) => serve_peer(&inner, linked, from).await,
        Err(error) => drops::tell(&inner, from, error.to_string()),
    }
}

/// From an accepted connection to its welcome. Who does not know the secret waits among strangers only.
async fn link_up<P: Platform>(inner: &Shared<P>, stream: Stream<P>) -> Result<Linked<Stream<P>>, LinkError> {
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let credentials = inner.credentials();
    let place = inner.inbound.strangers.enter();
    let knock = unless_lost(place, deadline, link::knock(stream, &credentials)).await?;
    if !inner.inbound.knocks.is_new(knock.ephemeral) {
        return Err(LinkError::Repeated);
    }
    let place = inner.inbound.handshakes.enter();
    unless_lost(place, deadline, welcome(inner, knock, &credentials)).await
}

async fn unless_lost<T>(
    place: Place,
    deadline: Instant,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    tokio::select! {
        biased;
        () = place.lost() => Err(LinkError::Crowded),
        done = timeout_at(deadline, work) => done.unwrap_or(Err(LinkError::Late)),
    }
}

async fn welcome<P: Platform>(
    inner: &Shared<P>,
    knock: Knock<Stream<P>>,
    credentials: &Credentials<'_>,
) -> Result<Linked<Stream<P>>, LinkError> {
    let (mut records, peer, hello) = knock.open(credentials).await?;
    let admission = inner.membership.admission(peer);
    if admission != Admission::Admitted {
        link::welcome(&mut records, Verdict::NotAdmitted).await?;
        return Err(LinkError::TurnedAway(admission));
    }
    let mut counted = None;
    let has_room = match hello.purpose {
        Purpose::Control => inner.peers.has_room_for(peer),
        Purpose::DialerAsks => {
            counted = inner.inbound.asking.admit(peer);
            counted.is_some()
        }
        Purpose::AcceptorAsks => inner.peers.find(peer).is_some_and(|peer| peer.is_connected()),
    };
    let Some(slot) = inner.inbound.places.clone().try_acquire_owned().ok().filter(|_| has_room) else {
        link::welcome(&mut records, Verdict::Full).await?;
        return Err(LinkError::Full);
    };
    link::welcome(&mut records, Verdict::Accepted).await?;
    let connection = Connection::new(records, peer, inner.membership.clone());
    Ok(Linked { connection, hello, counted, _slot: slot })
}

async fn serve_peer<P: Platform>(inner: &Shared<P>, linked: Linked<Stream<P>>, from: SocketAddr) {
    let Linked { connection, hello, counted: _counted, _slot } = linked;
    match hello.purpose {
        // It may have been forgotten while the welcome was on its way.
        _ if !inner.membership.admits(connection.peer) => {}
        Purpose::Control => {
            // The peer says on which port it listens; where, is seen from its connection.
            let address =
                (hello.listen_port != 0).then(|| Address::from(SocketAddr::new(from.ip(), hello.listen_port)));
            let control = Control::attach(inner, connection.peer, address, None);
            let reason = answer_heartbeats(inner, connection, &control).await;
            control.detach(&reason);
        }
        Purpose::DialerAsks => serve::run(inner, connection).await,
        Purpose::AcceptorAsks => {
            if let Some(peer) = inner.peers.find(connection.peer) {
                peer.offer(connection);
            }
        }
    }
}

/// Answers the first heartbeat at once, and each other one after the interval or as soon as this side wants a connection opened.
async fn answer_heartbeats<P: Platform>(
    inner: &Shared<P>,
    mut connection: Connection<Stream<P>>,
    control: &Control<P>,
) -> String {
    let peer = &control.peer;
    let mut is_first = true;
    loop {
        match connection.receive_within(HEARTBEAT_GRACE).await {
            Ok(Message::Heartbeat { held }) => repair::hear(inner, peer, held),
            Ok(other) => return format!("it sent {} instead of a heartbeat", other.name()),
            Err(error) => return error.to_string(),
        }
        let wanted = async {
            while !peer.wants_any() {
                peer.wanted_changed.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = connection.ended() => return "the connection was closed".to_owned(),
            () = wanted => {}
            () = sleep(if is_first { Duration::ZERO } else { HEARTBEAT_INTERVAL }) => {}
        }
        is_first = false;
        peer.sweep();
        let held = inner.held_of(peer.id).await;
        if let Err(error) = connection.send(&Message::Alive { connections_wanted: peer.take_wanted(), held }).await {
            return error.to_string();
        }
    }
}

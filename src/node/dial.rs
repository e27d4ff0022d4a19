//! Dialling: keeps a control connection to each configured peer, and opens connections to ask on.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::link::{self, Credentials, LinkError};
use super::peers::Control;
use super::{Inner, Shared, Stream, repair};
use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::{
    BACKOFF_MAX, BACKOFF_MIN, DIAL_TIMEOUT, HANDSHAKE_TIMEOUT, HEARTBEAT_GRACE, HEARTBEAT_INTERVAL, PROTOCOL_VERSION,
};
use crate::membership::{Admission, Dial};
use crate::platform::Platform;
use crate::protocol::{Hello, Message, Purpose};
use crate::seed::Rng;
use crate::transport::{Address, Transport};

/// Dials a configured peer, beats while it is connected, and dials again, until the node stops.
pub(super) async fn keep_connected<P: Platform>(inner: Shared<P>, dial: Dial) {
    let Dial { address, node } = dial;
    let mut failures = 0;
    loop {
        inner.tell(&Event::Dialled { address: address.clone() });
        match open_as(&inner, &address, Purpose::Control, node).await {
            Ok(connection) => {
                failures = 0;
                let control = Control::attach(&inner, connection.peer, Some(address.clone()), Some(&address));
                let reason = beat(&inner, connection, &control, &address).await;
                control.detach(&reason);
                sleep(inner.backoff(failures)).await;
            }
            Err(reason) => {
                let wait = inner.backoff(failures);
                failures += 1;
                let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                inner.tell(&Event::DialFailed { address: address.clone(), reason, retry_ms });
                sleep(wait).await;
            }
        }
    }
}

/// Opens a connection to this node and no other, where it is known who is to answer.
pub(super) async fn open_as<P: Platform>(
    inner: &Shared<P>,
    address: &Address,
    purpose: Purpose,
    node: Option<NodeId>,
) -> Result<Connection<Stream<P>>, String> {
    let connection = open(inner, address, purpose).await?;
    match node.filter(|node| *node != connection.peer) {
        Some(node) => Err(format!("another node answers there: {}, not {}", connection.peer.short(), node.short())),
        None => Ok(connection),
    }
}

/// Opens one connection, up to the welcome.
pub(super) async fn open<P: Platform>(
    inner: &Shared<P>,
    address: &Address,
    purpose: Purpose,
) -> Result<Connection<Stream<P>>, String> {
    let dialing = timeout(DIAL_TIMEOUT, inner.platform.transport().connect(address));
    let stream = match dialing.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("no answer in {} seconds", DIAL_TIMEOUT.as_secs())),
    };
    let credentials = inner.credentials();
    let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: inner.listen_port, purpose };
    match timeout(HANDSHAKE_TIMEOUT, link::dial(stream, &credentials, hello)).await {
        Ok(Ok((records, peer))) => match inner.membership.admission(peer) {
            Admission::Admitted => Ok(Connection::new(records, peer, inner.membership.clone())),
            refused => Err(refused.to_string()),
        },
        Ok(Err(LinkError::Io(_))) => {
            Err("it closed the connection during the handshake: another cluster secret, or not a node".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no handshake in {} seconds", HANDSHAKE_TIMEOUT.as_secs())),
    }
}

/// Sends heartbeats until one fails, and returns why. An answer may ask for connections on which the peer asks.
async fn beat<P: Platform>(
    inner: &Shared<P>,
    mut connection: Connection<Stream<P>>,
    control: &Control<P>,
    address: &Address,
) -> String {
    loop {
        let held = inner.held_of(control.peer.id).await;
        if let Err(error) = connection.send(&Message::Heartbeat { held }).await {
            return error.to_string();
        }
        match connection.receive_within(HEARTBEAT_INTERVAL + HEARTBEAT_GRACE).await {
            Ok(Message::Alive { connections_wanted, held }) => {
                repair::hear(inner, &control.peer, held);
                for _ in 0..connections_wanted {
                    let Ok(slot) = control.peer.opened_for_it.clone().try_acquire_owned() else { break };
                    inner.spawn(open_for_peer(inner.clone(), address.clone(), slot));
                }
                control.peer.sweep();
            }
            Ok(other) => return format!("it answered a heartbeat with {}", other.name()),
            Err(error) => return error.to_string(),
        }
    }
}

async fn open_for_peer<P: Platform>(inner: Shared<P>, address: Address, _slot: OwnedSemaphorePermit) {
    match open(&inner, &address, Purpose::AcceptorAsks).await {
        Ok(connection) => super::serve::run(&inner, connection).await,
        Err(reason) => inner.tell(&Event::DialFailed { address, reason, retry_ms: 0 }),
    }
}

impl<P: Platform> Inner<P> {
    pub(super) fn credentials(&self) -> Credentials<'_> {
        Credentials::draw(&self.keys, &self.cluster, &mut self.lanes.handshake.borrow_mut())
    }

    /// Doubles with each failure up to the bound; up to half of it is taken off at random, so that nodes that
    /// lost the same peer do not all come back at once.
    fn backoff(&self, failures: u32) -> Duration {
        let full = BACKOFF_MIN.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX);
        let half = u32::try_from(full.as_millis() / 2).expect("the bound is far below 2^32 ms");
        let jitter = self.lanes.backoff.borrow_mut().next_u32() % half.max(1);
        full - Duration::from_millis(jitter.into())
    }
}

//! Heartbeats on a control connection. Each heartbeat tells what this side holds of the other side's files, and helps
//! to find peers that have moved; an answer may also ask for connections on which the answering side asks.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;
use super::context::{Context, Shared, Stream};
use super::holder::serve;
use super::owner::repair;
use super::peers::control::Control;
use super::peers::open::open_as;
use super::peers::seek::Search;
use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::{HEARTBEAT_GRACE, HEARTBEAT_INTERVAL, HEARTBEAT_PRINT_WAIT};
use crate::platform::Platform;
use crate::protocol::{Message, Purpose, Whereabouts, WireError};
use crate::replication::{Print, Summary};
use crate::transport::Address;

/// Why heartbeats ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeartbeatError {
    /// The connection broke, or the peer was silent.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The peer closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The peer answered with another message.
    #[error("it answered a heartbeat with {0}")]
    Answer(&'static str),
    /// The peer sent another message.
    #[error("it sent {0} instead of a heartbeat")]
    Question(&'static str),
}

/// What a heartbeat says.
pub(super) struct Heartbeat {
    held: Option<Print>,
    has_twin: bool,
    whereabouts: Whereabouts,
}

/// Sends heartbeats until one fails, and returns why it failed.
pub(super) async fn beat<P: Platform>(
    context: &Shared<P>,
    mut connection: Connection<Stream<P>>,
    control: &Control<P>,
    address: &Address,
) -> HeartbeatError {
    let mut search = Search::default();
    loop {
        let held = held_of(context, control.peer.id).await;
        let (has_twin, sent) = (control.peer.has_twin(), Instant::now());
        let whereabouts = search.tell(context, &control.peer);
        if let Err(error) = connection.send(&Message::Heartbeat { held, has_twin, whereabouts }).await {
            return error.into();
        }
        match connection.receive_within(HEARTBEAT_INTERVAL + HEARTBEAT_GRACE).await {
            Ok(Message::Alive { connections_wanted, held, has_twin, whereabouts }) => {
                control.note_alive(sent);
                control.hear_of_twin(has_twin);
                search.hear(context, &control.peer, whereabouts);
                repair::hear(context, &control.peer, held);
                for _ in 0..connections_wanted {
                    let Ok(slot) = control.peer.opened_for_it.clone().try_acquire_owned() else { break };
                    context.spawn(open_for_peer(context.clone(), control.peer.id, address.clone(), slot));
                }
                control.peer.sweep();
            }
            Ok(other) => return HeartbeatError::Answer(other.name()),
            Err(error) => return error.into(),
        }
    }
}

/// Opens a connection on which the peer asks, and serves it.
async fn open_for_peer<P: Platform>(context: Shared<P>, peer: NodeId, address: Address, _slot: OwnedSemaphorePermit) {
    match open_as(&context, &address, Purpose::AcceptorAsks, Some(peer)).await {
        Ok(connection) => serve::run(&context, connection).await,
        Err(error) => context.tell(&Event::DialFailed { address, reason: error.to_string(), retry_ms: 0 }),
    }
}

/// Waits for the next heartbeat. Whoever has dialled this node in place of another one sends none.
pub(super) async fn next<P: Platform>(connection: &mut Connection<Stream<P>>) -> Result<Heartbeat, HeartbeatError> {
    match connection.receive_within(HEARTBEAT_GRACE).await? {
        Message::Heartbeat { held, has_twin, whereabouts } => Ok(Heartbeat { held, has_twin, whereabouts }),
        other => Err(HeartbeatError::Question(other.name())),
    }
}

/// Answers heartbeats until one fails to come, and returns why. Answers the first one, which has come, at once, and
/// each later one after the interval, or as soon as this side wants a connection opened.
pub(super) async fn answer<P: Platform>(
    context: &Shared<P>,
    mut connection: Connection<Stream<P>>,
    control: &Control<P>,
    first: Heartbeat,
) -> HeartbeatError {
    let peer = &control.peer;
    let (mut answered, mut heard, mut search) = (None, first, Search::default());
    loop {
        if let Some(answered) = answered {
            control.note_alive(answered);
        }
        let Heartbeat { held, has_twin, whereabouts } = heard;
        control.hear_of_twin(has_twin);
        search.hear(context, peer, whereabouts);
        repair::hear(context, peer, held);
        tokio::select! {
            biased;
            () = connection.ended() => return HeartbeatError::Closed,
            () = peer.wants_any() => {}
            () = sleep(if answered.is_none() { Duration::ZERO } else { HEARTBEAT_INTERVAL }) => {}
        }
        peer.sweep();
        let held = held_of(context, peer.id).await;
        answered = Some(Instant::now());
        let (has_twin, whereabouts) = (peer.has_twin(), search.tell(context, peer));
        let alive = Message::Alive { connections_wanted: peer.take_wanted(), held, has_twin, whereabouts };
        if let Err(error) = connection.send(&alive).await {
            return error.into();
        }
        heard = match next::<P>(&mut connection).await {
            Ok(heard) => heard,
            Err(error) => return error,
        };
    }
}

/// Returns the print of what this node holds for an owner, or `None` if the disk fails or is slow: no link is lost to a
/// disk that hangs.
async fn held_of<P: Platform>(context: &Context<P>, owner: NodeId) -> Option<Print> {
    let slot = context.heartbeat_looks.clone().try_acquire_owned().ok()?;
    let look = context.blocking(move |store| {
        let print = store.summary(Some(owner), Summary::print);
        drop(slot);
        print
    });
    timeout(HEARTBEAT_PRINT_WAIT, look).await.ok()?.ok()
}

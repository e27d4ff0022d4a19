//! Asks peers. An exchange takes an idle connection of the peer's pool, or dials one, or has the peer open one if the
//! peer cannot be dialled.

use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::open::{OpenError, open_as};
use super::peer::Peer;
use crate::limits::DIAL_HEAD_START;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::node::handle::errors::ReplicaError;
use crate::platform::Platform;
use crate::protocol::{Message, Purpose, WireError};
use crate::transport::Transport;

/// A connection leased for one exchange. If the lease is dropped before [`done`](Self::done), the connection is closed.
pub(in crate::node) struct Lease<S> {
    pub(in crate::node) connection: Connection<S>,
    peer: Rc<Peer<S>>,
    _slot: Slot,
}

/// The place of one exchange among those with a peer.
pub(in crate::node) struct Slot(#[expect(dead_code, reason = "it is held until it is dropped")] OwnedSemaphorePermit);

/// Why a peer cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::node) enum LeaseError {
    /// The peer could not be dialled, and hears of no wish.
    #[error("{0}")]
    Dial(OpenError),
    /// The peer could not be dialled.
    #[error("{0}, and it opened no connection itself")]
    Open(OpenError),
    /// The peer has no address.
    #[error("it does not listen, and it opened no connection itself")]
    NotListening,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::node) enum AskError {
    /// The question was not sent: nothing has happened at the peer.
    #[error(transparent)]
    NotAsked(#[from] LeaseError),
    /// The exchange broke off: the peer may have done what it was asked.
    #[error(transparent)]
    BrokenOff(#[from] WireError),
}

impl From<LeaseError> for ReplicaError {
    fn from(error: LeaseError) -> Self {
        Self::Unreachable { reason: error.to_string() }
    }
}

impl From<AskError> for ReplicaError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotAsked(error) => error.into(),
            AskError::BrokenOff(error) => error.into(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Lease<S> {
    /// Asks a question and waits for its answer. See [`answer`](Self::answer).
    pub(in crate::node) async fn exchange<P: Platform>(
        &mut self,
        context: &Shared<P>,
        question: &Message,
    ) -> Result<Message, WireError>
    where
        P::Transport: Transport<Stream = S>,
    {
        self.connection.queue(question).await?;
        self.answer(context).await
    }

    /// Sends what is queued, and waits for the answer.
    ///
    /// The peer may have closed an idle connection, so that another one has its place, before it could know that the
    /// connection was leased. So if a connection that was idle ends before the first answer, all that was sent on it is
    /// sent once more, on another one. Nobody knows whether the peer has read the first; what
    /// [may be repeated](Message::may_be_repeated) does the same if it comes twice. If no other connection can be
    /// opened, or if the peer refuses what it may have done already, returns how the first one ended.
    pub(in crate::node) async fn answer<P: Platform>(&mut self, context: &Shared<P>) -> Result<Message, WireError>
    where
        P::Transport: Transport<Stream = S>,
    {
        let closed = match self.connection.flush_and_receive().await {
            Err(error) if error.is_close() => error,
            answered => return answered,
        };
        let Some(sent) = self.connection.take_unanswered() else { return Err(closed) };
        // The future of every exchange holds only a pointer to this one, which is rare.
        let Ok(opened) = Box::pin(open(context, &self.peer)).await else { return Err(closed) };
        let before = std::mem::replace(&mut self.connection, opened);
        self.connection.meter = before.meter.clone();
        drop(before);
        self.connection.queue_again(&sent).await?;
        match self.connection.flush_and_receive().await {
            // Such as for the room that the first one takes.
            Ok(Message::Refused(_)) => Err(closed),
            answered => answered,
        }
    }
}

impl<S> Lease<S> {
    /// Ends the exchange. The connection is free for the next one, unless the peer was lost or has started again
    /// meanwhile.
    pub(in crate::node) fn done(self) {
        if self.peer.is_connected() && !self.connection.is_over() {
            self.peer.offer(self.connection);
        }
    }
}

/// Leases a connection on which this node may ask the peer.
pub(in crate::node) async fn lease<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
) -> Result<Lease<Stream<P>>, LeaseError> {
    let slot = slot(peer).await;
    lease_in(context, peer, slot).await
}

/// Waits until there is room for one more exchange with a peer.
pub(in crate::node) async fn slot<S>(peer: &Peer<S>) -> Slot {
    Slot(peer.slots.clone().acquire_owned().await.expect("the pool is never closed"))
}

/// Leases a connection for an exchange that has its slot.
pub(in crate::node) async fn lease_in<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    slot: Slot,
) -> Result<Lease<Stream<P>>, LeaseError> {
    let connection = match peer.take_idle() {
        Some(connection) => connection,
        None => open(context, peer).await?,
    };
    Ok(Lease { connection, peer: peer.clone(), _slot: slot })
}

/// Dials the peer, or has it open a connection.
async fn open<P: Platform>(context: &Shared<P>, peer: &Peer<Stream<P>>) -> Result<Connection<Stream<P>>, LeaseError> {
    let hears = peer.hears_what_is_wanted();
    let Some(address) = peer.address() else {
        return peer.wait_for_opened().await.ok_or(LeaseError::NotListening);
    };
    let mut dialing = pin!(open_as(context, &address, Purpose::DialerAsks, Some(peer.id)));
    // Where nothing answers, not even with a refusal, a dial takes long to fail.
    let begun = timeout(DIAL_HEAD_START, &mut dialing).await;
    // Another exchange may have ended meanwhile.
    if begun.is_err()
        && let Some(connection) = peer.take_idle()
    {
        return Ok(connection);
    }
    match begun {
        Ok(Err(error)) if hears => peer.wait_for_opened().await.ok_or(LeaseError::Open(error)),
        Err(_) if hears => first(dialing, peer.wait_for_opened()).await.map_err(LeaseError::Open),
        Ok(dialed) => dialed.map_err(LeaseError::Dial),
        Err(_) => dialing.await.map_err(LeaseError::Dial),
    }
}

/// Waits for what is dialled and for what is opened, and returns what comes first. Fails once neither can come.
async fn first<T, E>(
    dialing: impl Future<Output = Result<T, E>>,
    opening: impl Future<Output = Option<T>>,
) -> Result<T, E> {
    let (mut dialing, mut opening) = (pin!(dialing), pin!(opening));
    tokio::select! {
        biased;
        dialed = &mut dialing => match dialed {
            Ok(connection) => Ok(connection),
            Err(error) => opening.await.ok_or(error),
        },
        opened = &mut opening => match opened {
            Some(connection) => Ok(connection),
            None => dialing.await,
        },
    }
}

/// Asks a peer a question that one message answers, and returns the answer.
pub(in crate::node) async fn question<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    question: &Message,
) -> Result<Message, AskError> {
    let mut lease = lease(context, peer).await?;
    let answer = lease.exchange(context, question).await?;
    lease.done();
    Ok(answer)
}

/// Asks every connected peer at the same time, each in a task of its own. The answers come as they are there, each with
/// the place of its peer among all.
pub(in crate::node) fn ask_each<P: Platform, T: 'static, F>(
    context: &Shared<P>,
    ask: impl Fn(Shared<P>, Rc<Peer<Stream<P>>>) -> F,
) -> mpsc::Receiver<(usize, T)>
where
    F: Future<Output = T> + 'static,
{
    let peers = context.peers.connected();
    let (done, answers) = mpsc::channel(peers.len().max(1));
    for (place, peer) in peers.into_iter().enumerate() {
        let (done, asking) = (done.clone(), ask(context.clone(), peer));
        context.spawn(async move {
            tokio::select! {
                biased;
                answer = asking => drop(done.send((place, answer)).await),
                // Who has heard enough does not wait for the rest. What was asked is given up.
                () = done.closed() => {}
            }
        });
    }
    answers
}

/// Asks every connected peer at the same time, and collects the answers in the order of the peers.
pub(in crate::node) async fn ask_all<P: Platform, T: 'static, F>(
    context: &Shared<P>,
    ask: impl Fn(Shared<P>, Rc<Peer<Stream<P>>>) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + 'static,
{
    let mut coming = ask_each(context, ask);
    let mut answers = BTreeMap::new();
    while let Some((place, answer)) = coming.recv().await {
        answers.insert(place, answer);
    }
    answers.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::crypto::NodeId;
    use crate::node::peers::liveness::{Liveness, Way};
    use crate::node::tests::{Idle, run};
    use crate::protocol::BootId;

    #[test]
    fn every_connected_peer_is_asked_and_the_answers_are_in_the_order_of_the_peers() {
        run(async {
            let node = Idle::new();
            let [one, away, other] = [1, 2, 3].map(|number| NodeId([number; 32]));
            node.context.peers.entry(away);
            for id in [other, one] {
                let control = Liveness::new(BootId::default(), Way::Configured(":3000".parse().expect("an address")));
                node.context.peers.entry(id).add_control(Rc::new(control));
            }
            assert_eq!(ask_all(&node.context, async |_, peer| peer.id).await, [one, other]);
        });
    }

    async fn after<T>(seconds: u64, what: T) -> T {
        sleep(Duration::from_secs(seconds)).await;
        what
    }

    #[tokio::test(start_paused = true)]
    async fn a_dial_that_fails_ends_no_wait_and_begins_none() {
        let began = Instant::now();
        assert_eq!(first(after(1, Err("no")), after(3, Some("opened"))).await, Ok("opened"));
        assert_eq!(first(after(1, Err("no")), after(3, None::<&str>)).await, Err("no"));
        assert_eq!(first(after(3, Ok::<_, &str>("dialled")), after(1, None)).await, Ok("dialled"));
        assert_eq!(began.elapsed(), Duration::from_secs(9));
        assert_eq!(first(pending::<Result<_, &str>>(), ready(Some("opened"))).await, Ok("opened"));
    }
}

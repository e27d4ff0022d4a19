//! One authenticated connection to a peer: messages and content with a deadline on each.

use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::boots::{InboundPlace, PeerBoot};
use super::link::Records;
use super::members::MembersInForce;
use super::meter::Meter;
use crate::crypto::NodeId;
use crate::event::{Event, EventSink};
use crate::limits::PROGRESS_TIMEOUT;
use crate::protocol::{Message, WireError, message_frame, read_message, read_stream_header, stream_header};

/// What the begin of content is called beside the names of messages.
const CONTENT: &str = "content";

/// How much content is counted at a time. Chosen: two full records of the link.
const METERED_BYTES: usize = 64 * 1024;

/// A connection on which one exchange runs at a time. Dropping the connection in the middle of an exchange closes it.
/// The connection ends at its next wait once the peer is no longer admitted, or has started again.
pub(super) struct Connection<S> {
    records: Records<S>,
    ends: Ends,
    pub(super) peer: NodeId,
    pub(super) used: Instant,
    /// Counts the content that moves.
    pub(super) meter: Rc<Meter>,
    events: EventSink,
    /// What was sent of an exchange that has no answer yet, if the connection had been idle and the exchange may be
    /// repeated. No more than a small file goes before the first answer.
    unanswered: Option<Sent>,
    _place: Option<InboundPlace>,
}

/// What was sent of an exchange.
#[derive(Default)]
pub(super) struct Sent {
    names: Vec<&'static str>,
    bytes: Vec<u8>,
}

/// What ends the connection of a peer from outside.
#[derive(Clone)]
struct Ends {
    members: Rc<MembersInForce>,
    peer: NodeId,
    boot: PeerBoot,
}

impl<S> Connection<S> {
    /// Makes a connection to one start of a peer.
    pub(super) fn new(
        records: Records<S>,
        peer: NodeId,
        members: Rc<MembersInForce>,
        boot: PeerBoot,
        events: EventSink,
    ) -> Self {
        Self {
            records,
            ends: Ends { members, peer, boot },
            peer,
            used: Instant::now(),
            meter: Rc::default(),
            events,
            unanswered: None,
            _place: None,
        }
    }

    /// Returns the start of the peer that is at the other end.
    pub(super) fn boot(&self) -> &PeerBoot {
        &self.ends.boot
    }

    /// Keeps the place of an incoming connection for as long as the connection lives.
    pub(super) fn in_place(self, place: InboundPlace) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// Keeps what is sent from here on until the first answer. The other side may have closed the idle connection.
    pub(super) fn after_idling(self) -> Self {
        Self { unanswered: Some(Sent::default()), ..self }
    }

    /// Returns what was sent of an exchange that has no answer yet, if it was kept.
    pub(super) fn take_unanswered(&mut self) -> Option<Sent> {
        self.unanswered.take()
    }

    /// Whether the connection takes one of the places for incoming ones.
    pub(super) fn has_place(&self) -> bool {
        self._place.is_some()
    }

    /// Whether the peer is no longer admitted, or has started again.
    pub(super) fn is_over(&self) -> bool {
        !self.ends.members.admits(self.peer) || self.ends.boot.is_over()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Queues a message; [`flush`](Self::flush) sends it.
    pub(super) async fn queue(&mut self, message: &Message) -> Result<(), WireError> {
        let frame = message_frame(&message.encode());
        if !message.may_be_repeated() {
            self.unanswered = None;
        }
        self.note_sent(message.name(), &frame);
        within(&self.ends, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(&frame).await?) }).await
    }

    /// Queues the header of a stream of `len` bytes.
    pub(super) async fn queue_stream_header(&mut self, len: u64) -> Result<(), WireError> {
        let header = stream_header(len);
        self.note_sent(CONTENT, &header);
        within(&self.ends, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(&header).await?) }).await
    }

    /// Queues content, and waits only while the peer takes none.
    pub(super) async fn queue_bytes(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        if let Some(sent) = &mut self.unanswered {
            sent.bytes.extend_from_slice(bytes);
        }
        let Self { records, ends, meter, .. } = self;
        let queueing = async {
            for part in bytes.chunks(METERED_BYTES) {
                records.write_all(part).await?;
                meter.add(part.len());
            }
            Ok(())
        };
        within(ends, PROGRESS_TIMEOUT, queueing).await
    }

    /// Queues what was sent on another connection.
    pub(super) async fn queue_again(&mut self, sent: &Sent) -> Result<(), WireError> {
        sent.names.iter().for_each(|name| self.tell_sent(name));
        within(&self.ends, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(&sent.bytes).await?) }).await
    }

    pub(super) async fn flush(&mut self) -> Result<(), WireError> {
        self.used = Instant::now();
        within(&self.ends, PROGRESS_TIMEOUT, async { Ok(self.records.flush().await?) }).await
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<(), WireError> {
        self.queue(message).await?;
        self.flush().await
    }

    pub(super) async fn flush_and_receive(&mut self) -> Result<Message, WireError> {
        self.flush().await?;
        self.receive().await
    }

    pub(super) async fn receive(&mut self) -> Result<Message, WireError> {
        self.receive_within(PROGRESS_TIMEOUT).await
    }

    pub(super) async fn receive_within(&mut self, limit: Duration) -> Result<Message, WireError> {
        let message = within(&self.ends, limit, read_message(&mut self.records)).await?;
        self.used = Instant::now();
        self.unanswered = None;
        self.tell_received(message.name());
        Ok(message)
    }

    pub(super) async fn receive_stream_header(&mut self, len: u64) -> Result<(), WireError> {
        within(&self.ends, PROGRESS_TIMEOUT, read_stream_header(&mut self.records, len)).await?;
        self.tell_received(CONTENT);
        Ok(())
    }

    fn note_sent(&mut self, name: &'static str, bytes: &[u8]) {
        self.tell_sent(name);
        if let Some(sent) = &mut self.unanswered {
            sent.names.push(name);
            sent.bytes.extend_from_slice(bytes);
        }
    }

    fn tell_sent(&self, message: &'static str) {
        (self.events)(&Event::MessageSent { peer: self.peer, link: self.records.link(), message });
    }

    fn tell_received(&self, message: &'static str) {
        (self.events)(&Event::MessageReceived { peer: self.peer, link: self.records.link(), message });
    }

    pub(super) async fn receive_bytes(&mut self, bytes: &mut [u8]) -> Result<(), WireError> {
        let Self { records, ends, meter, .. } = self;
        let receiving = async {
            let mut filled = 0;
            while filled < bytes.len() {
                let count = records.read(&mut bytes[filled..]).await?;
                if count == 0 {
                    return Err(WireError::Io(std::io::ErrorKind::UnexpectedEof.into()));
                }
                meter.add(count);
                filled += count;
            }
            Ok(())
        };
        within(ends, PROGRESS_TIMEOUT, receiving).await
    }

    /// Reads `len` bytes of unwanted content and drops them.
    pub(super) async fn drain(&mut self, mut len: u64) -> Result<(), WireError> {
        let mut sink = [0; 4096];
        while len > 0 {
            let part = usize::try_from(len).unwrap_or(usize::MAX).min(sink.len());
            self.receive_bytes(&mut sink[..part]).await?;
            len -= part as u64;
        }
        Ok(())
    }

    /// Whether an idle connection is of no use: it is closed, is broken, or has bytes that nobody asked for.
    pub(super) fn is_stale(&mut self) -> bool {
        self.is_over() || self.poll_end(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Waits until an idle connection is of no use.
    pub(super) async fn ended(&mut self) {
        let ends = self.ends.clone();
        // Either way the connection is of no use.
        let ended = async {
            poll_fn(|cx| self.poll_end(cx)).await;
            Ok(())
        };
        drop(ends.unless_over(ended).await);
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0];
        Pin::new(&mut self.records).poll_read(cx, &mut ReadBuf::new(&mut byte)).map(|_| ())
    }
}

impl Ends {
    /// Does the work, and gives it up as soon as the peer is no longer admitted or has started again.
    async fn unless_over<T>(&self, work: impl Future<Output = Result<T, WireError>>) -> Result<T, WireError> {
        tokio::select! {
            biased;
            () = self.members.turns_away(self.peer) => Err(WireError::TurnedAway),
            why = self.boot.over() => Err(why),
            done = work => done,
        }
    }
}

/// Does the work, and gives up if it takes longer than `limit`, the peer is no longer admitted, or has started again.
async fn within<T>(
    ends: &Ends,
    limit: Duration,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    let stalled = |_| WireError::Stalled { seconds: limit.as_secs() };
    ends.unless_over(async { timeout(limit, work).await.map_err(stalled)? }).await
}

//! One authenticated connection to a peer: messages and content with a deadline on each.

use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::link::Records;
use super::members::MembersInForce;
use crate::crypto::NodeId;
use crate::limits::PROGRESS_TIMEOUT;
use crate::protocol::{Message, WireError, message_frame, read_message, read_stream_header, stream_header};

/// A connection on which one exchange runs at a time. Dropping the connection in the middle of an exchange closes it.
/// The connection ends at its next wait once the peer is no longer admitted.
pub(super) struct Connection<S> {
    records: Records<S>,
    members: Rc<MembersInForce>,
    pub(super) peer: NodeId,
    pub(super) used: Instant,
}

impl<S> Connection<S> {
    /// Whether the peer is no longer admitted.
    pub(super) fn is_turned_away(&self) -> bool {
        !self.members.admits(self.peer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(records: Records<S>, peer: NodeId, members: Rc<MembersInForce>) -> Self {
        Self { records, members, peer, used: Instant::now() }
    }

    /// Queues a message; [`flush`](Self::flush) sends it.
    pub(super) async fn queue(&mut self, message: &Message) -> Result<(), WireError> {
        let frame = message_frame(&message.encode());
        within(&self.members, self.peer, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(&frame).await?) }).await
    }

    /// Queues the header of a stream of `len` bytes.
    pub(super) async fn queue_stream_header(&mut self, len: u64) -> Result<(), WireError> {
        let header = stream_header(len);
        within(&self.members, self.peer, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(&header).await?) }).await
    }

    /// Queues content, and waits only while the peer takes none.
    pub(super) async fn queue_bytes(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        within(&self.members, self.peer, PROGRESS_TIMEOUT, async { Ok(self.records.write_all(bytes).await?) }).await
    }

    pub(super) async fn flush(&mut self) -> Result<(), WireError> {
        self.used = Instant::now();
        within(&self.members, self.peer, PROGRESS_TIMEOUT, async { Ok(self.records.flush().await?) }).await
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<(), WireError> {
        self.queue(message).await?;
        self.flush().await
    }

    pub(super) async fn receive(&mut self) -> Result<Message, WireError> {
        self.receive_within(PROGRESS_TIMEOUT).await
    }

    pub(super) async fn receive_within(&mut self, limit: Duration) -> Result<Message, WireError> {
        let message = within(&self.members, self.peer, limit, read_message(&mut self.records)).await?;
        self.used = Instant::now();
        Ok(message)
    }

    pub(super) async fn receive_stream_header(&mut self, len: u64) -> Result<(), WireError> {
        within(&self.members, self.peer, PROGRESS_TIMEOUT, read_stream_header(&mut self.records, len)).await
    }

    pub(super) async fn receive_bytes(&mut self, bytes: &mut [u8]) -> Result<(), WireError> {
        within(&self.members, self.peer, PROGRESS_TIMEOUT, async {
            self.records.read_exact(bytes).await?;
            Ok(())
        })
        .await
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
        self.poll_end(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Waits until an idle connection is of no use.
    pub(super) async fn ended(&mut self) {
        let (members, peer) = (self.members.clone(), self.peer);
        members.unless_turned_away(peer, poll_fn(|cx| self.poll_end(cx))).await;
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0];
        Pin::new(&mut self.records).poll_read(cx, &mut ReadBuf::new(&mut byte)).map(|_| ())
    }
}

/// Does the work, and gives up if it takes longer than `limit` or the peer is no longer admitted.
async fn within<T>(
    members: &MembersInForce,
    peer: NodeId,
    limit: Duration,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    match members.unless_turned_away(peer, timeout(limit, work)).await {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(WireError::Stalled { seconds: limit.as_secs() }),
        None => Err(WireError::TurnedAway),
    }
}

//! The content of a store, from the frames of a client to the reader that a node takes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::wire::{ControlError, Frame, read_frame};
use crate::cli::limits::{CLIENT_IDLE_TIMEOUT, CONTENT_CHUNKS_QUEUED};

type Chunk = Result<Bytes, ControlError>;

/// The reading end. It ends only if the client said that the content ends; anything else is an error.
pub(super) struct ContentReader {
    chunks: mpsc::Receiver<Chunk>,
    current: Bytes,
    has_ended: bool,
}

/// The writing end. Dropped before the end of the content, it makes the reader fail.
pub(super) struct ContentFeed {
    chunks: mpsc::Sender<Chunk>,
}

/// Makes a pair of ends that hold a bounded number of chunks between them.
pub(super) fn channel() -> (ContentFeed, ContentReader) {
    let (sender, receiver) = mpsc::channel(CONTENT_CHUNKS_QUEUED);
    (ContentFeed { chunks: sender }, ContentReader { chunks: receiver, current: Bytes::new(), has_ended: false })
}

impl ContentFeed {
    /// Passes chunks on until the content ends, the client fails, or the reader is dropped. Returns whether the content
    /// has ended, so that a request may follow.
    pub(super) async fn run(self, client: &mut (impl AsyncRead + Unpin)) -> bool {
        loop {
            let chunk = match timeout(CLIENT_IDLE_TIMEOUT, read_frame(client, 0)).await {
                Ok(Ok(Frame::Chunk(chunk))) => Ok(chunk),
                Ok(Ok(Frame::Message(_))) => Err(ControlError::Unexpected),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(ControlError::Stalled { seconds: CLIENT_IDLE_TIMEOUT.as_secs() }),
            };
            let (is_end, is_error) = (chunk.as_ref().is_ok_and(Bytes::is_empty), chunk.is_err());
            if self.chunks.send(chunk).await.is_err() || is_end || is_error {
                return is_end;
            }
        }
    }
}

impl AsyncRead for ContentReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.current.is_empty() && !self.has_ended {
            match ready!(self.chunks.poll_recv(context)) {
                Some(Ok(chunk)) => {
                    self.has_ended = chunk.is_empty();
                    self.current = chunk;
                }
                Some(Err(ControlError::Closed)) | None => {
                    let reason = "the client went away before its end";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason)));
                }
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error.to_string()))),
            }
        }
        let part = self.current.len().min(buffer.remaining());
        buffer.put_slice(&self.current[..part]);
        self.current.advance(part);
        Poll::Ready(Ok(()))
    }
}

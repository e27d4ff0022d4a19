//! A network that is wrong in one way.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use dacapo::transport::{Address, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::store::bug::Bug;

/// A network with a planted bug, or none.
#[derive(Clone)]
pub struct BugTransport<T> {
    transport: T,
    bug: Option<Bug>,
    /// The port on which only programs listen that have moved.
    other_port: u16,
}

/// A connection of such a network.
pub struct BugStream<S> {
    stream: S,
    /// A byte that was read too early.
    first: Option<u8>,
    /// What was written last and has not left, if that is the bug.
    waiting: Option<Vec<u8>>,
}

impl<T> BugTransport<T> {
    /// Plants a bug in a network, if there is one. Only programs that have moved listen on `other_port`.
    #[must_use]
    pub fn new(transport: T, bug: Option<Bug>, other_port: u16) -> Self {
        Self { transport, bug, other_port }
    }

    fn waiting(&self) -> Option<Vec<u8>> {
        (self.bug == Some(Bug::FlushForgotten)).then(Vec::new)
    }
}

impl<T: Transport> Transport for BugTransport<T> {
    type Stream = BugStream<T::Stream>;
    type Listener = T::Listener;

    async fn bind(&self, address: &Address) -> io::Result<(T::Listener, SocketAddr)> {
        self.transport.bind(address).await
    }

    async fn accept(&self, listener: &mut T::Listener) -> io::Result<(Self::Stream, SocketAddr)> {
        let (mut stream, from) = self.transport.accept(listener).await?;
        let first = match self.bug {
            Some(Bug::AcceptWaits) => stream.read_u8().await.ok(),
            _ => None,
        };
        Ok((BugStream { stream, first, waiting: self.waiting() }, from))
    }

    async fn connect(&self, address: &Address) -> io::Result<Self::Stream> {
        if self.bug == Some(Bug::MovedNotFound) && address.port() == self.other_port {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(BugStream { stream: self.transport.connect(address).await?, first: None, waiting: self.waiting() })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BugStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(byte) = self.first.take_if(|_| buffer.remaining() > 0) {
            buffer.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BugStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let BugStream { stream, waiting: Some(waiting), .. } = &mut *self else {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        };
        while !waiting.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(cx, waiting))?;
            waiting.drain(..count);
        }
        waiting.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

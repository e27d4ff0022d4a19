//! The transport over turmoil's simulated TCP. The tap of the host sees every byte that is sent.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use dacapo::transport::{Address, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// Sees the bytes that a host hands to the network, and the address to which they go.
pub type Tap = Rc<dyn Fn(SocketAddr, &[u8])>;

/// Turmoil's network, as one host sees it.
#[derive(Clone)]
pub struct SimTransport {
    tap: Tap,
}

/// A connection of the simulated network.
pub struct SimStream {
    stream: TcpStream,
    to: SocketAddr,
    tap: Tap,
}

impl SimTransport {
    /// Makes the network of one host.
    #[must_use]
    pub fn new(tap: Tap) -> Self {
        Self { tap }
    }

    fn stream(&self, stream: TcpStream, to: SocketAddr) -> SimStream {
        SimStream { stream, to, tap: self.tap.clone() }
    }
}

impl Transport for SimTransport {
    type Stream = SimStream;
    type Listener = TcpListener;

    async fn bind(&self, address: &Address) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((address.host(), address.port())).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<(SimStream, SocketAddr)> {
        let (stream, from) = listener.accept().await?;
        Ok((self.stream(stream, from), from))
    }

    async fn connect(&self, address: &Address) -> io::Result<SimStream> {
        let stream = match address.host().parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect((ip, address.port())).await?,
            Err(_) => TcpStream::connect((address.host(), address.port())).await?,
        };
        let to = stream.peer_addr()?;
        Ok(self.stream(stream, to))
    }
}

impl AsyncRead for SimStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, out)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        (self.tap)(self.to, &bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

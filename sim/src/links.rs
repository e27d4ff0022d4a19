//! Faults of connections, made above the socket, so that they work over any transport: refused and hanging dials,
//! broken, stalled, slow and corrupted streams, short reads and writes.
//!
//! A fault concerns the way from one host to another. Both ways of a connection pass the stream that the dialling
//! host holds, so only dialled streams are wrapped with a link; accepted streams pass everything through.

mod state;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use dacapo::transport::{Address, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::host::Host;
pub use state::{Links, Trouble};

/// A transport with faults, as one host sees it.
#[derive(Clone)]
pub struct FaultTransport<T> {
    transport: T,
    links: Links,
    own: Host,
    /// The host behind each address.
    hosts: Rc<BTreeMap<String, Host>>,
}

impl<T> FaultTransport<T> {
    /// Wraps the transport of the host `own`. `hosts` names the host behind each address.
    #[must_use]
    pub fn new(transport: T, links: Links, own: Host, hosts: Rc<BTreeMap<String, Host>>) -> Self {
        Self { transport, links, own, hosts }
    }
}

impl<T: Transport> Transport for FaultTransport<T> {
    type Stream = FaultStream<T::Stream>;
    type Listener = T::Listener;

    async fn bind(&self, address: &Address) -> io::Result<(T::Listener, SocketAddr)> {
        self.transport.bind(address).await
    }

    async fn accept(&self, listener: &mut T::Listener) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, from) = self.transport.accept(listener).await?;
        Ok((FaultStream { stream, link: None }, from))
    }

    async fn connect(&self, address: &Address) -> io::Result<Self::Stream> {
        let Some(to) = self.hosts.get(&address.to_string()).copied() else {
            return Ok(FaultStream { stream: self.transport.connect(address).await?, link: None });
        };
        if self.links.state.borrow().has(self.own, to, Trouble::Refuse) {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        if self.links.state.borrow().has(self.own, to, Trouble::Hang) {
            return std::future::pending().await;
        }
        let stream = self.transport.connect(address).await?;
        let link = DialledLink::new(&self.links, self.own, to);
        Ok(FaultStream { stream, link: Some(link) })
    }
}

/// A stream with the faults of its link.
pub struct FaultStream<S> {
    stream: S,
    link: Option<DialledLink>,
}

/// The link of a dialled stream.
struct DialledLink {
    links: Links,
    own: Host,
    peer: Host,
    id: u64,
    /// The pace of reads and of writes.
    paces: [Pace; 2],
}

/// How far one direction has waited before it moves something.
#[derive(Default)]
struct Pace {
    waits: Option<Pin<Box<Sleep>>>,
    has_waited: bool,
}

impl DialledLink {
    fn new(links: &Links, own: Host, peer: Host) -> Self {
        let mut state = links.state.borrow_mut();
        let id = state.streams;
        state.streams += 1;
        *state.open.entry(own).or_default() += 1;
        Self { links: links.clone(), own, peer, id, paces: Default::default() }
    }

    /// Returns how many bytes may move at once, as soon as any may. Registers the task in any case, so that a change
    /// wakes it.
    fn gate(&self, is_read: bool, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        let mut state = self.links.state.borrow_mut();
        let (from, to) = self.way(is_read);
        if state.is_broken(self.id, from, to) {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let slot = state.wakers.entry((self.id, is_read)).or_insert_with(|| cx.waker().clone());
        slot.clone_from(cx.waker());
        if state.has(from, to, Trouble::Stall) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(state.bound(from, to)))
    }

    /// Waits for as long as the link holds up what moves next.
    fn wait(&mut self, is_read: bool, cx: &mut Context<'_>) -> Poll<()> {
        let (from, to) = self.way(is_read);
        let pace = &mut self.paces[usize::from(is_read)];
        if pace.waits.is_none() && !pace.has_waited {
            let delay = self.links.state.borrow().delay(from, to, is_read);
            pace.waits = delay.map(|delay| Box::pin(tokio::time::sleep(delay)));
        }
        if let Some(waits) = &mut pace.waits {
            ready!(waits.as_mut().poll(cx));
            pace.waits = None;
            pace.has_waited = true;
        }
        Poll::Ready(())
    }

    /// Notes that something has moved: what comes next waits again.
    fn has_moved(&mut self, is_read: bool) {
        self.paces[usize::from(is_read)].has_waited = false;
    }

    fn way(&self, is_read: bool) -> (Host, Host) {
        if is_read { (self.peer, self.own) } else { (self.own, self.peer) }
    }
}

impl Drop for DialledLink {
    fn drop(&mut self) {
        let mut state = self.links.state.borrow_mut();
        state.wakers.remove(&(self.id, true));
        state.wakers.remove(&(self.id, false));
        *state.open.entry(self.own).or_default() -= 1;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FaultStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(link) = &mut this.link else { return Pin::new(&mut this.stream).poll_read(cx, out) };
        let bound = ready!(link.gate(true, cx))?;
        ready!(link.wait(true, cx));
        let before = out.filled().len();
        if bound >= out.remaining() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, out))?;
        } else {
            let mut few = ReadBuf::new(out.initialize_unfilled_to(bound));
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut few))?;
            let read = few.filled().len();
            out.advance(read);
        }
        link.has_moved(true);
        let read = &mut out.filled_mut()[before..];
        if let Some(byte) = read.last_mut()
            && link.links.state.borrow_mut().take_corrupt(link.peer, link.own)
        {
            *byte ^= 1;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FaultStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(link) = &mut this.link else { return Pin::new(&mut this.stream).poll_write(cx, bytes) };
        let bound = ready!(link.gate(false, cx))?.min(bytes.len());
        ready!(link.wait(false, cx));
        let is_corrupt = !bytes.is_empty() && link.links.state.borrow_mut().take_corrupt(link.own, link.peer);
        let written = if is_corrupt {
            let mut wrong = bytes[..bound].to_vec();
            wrong[bound - 1] ^= 1;
            ready!(Pin::new(&mut this.stream).poll_write(cx, &wrong))
        } else {
            ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..bound]))
        };
        link.has_moved(false);
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

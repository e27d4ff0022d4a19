//! Faults of connections, made above the socket, so that they work over any transport: refused and hanging dials,
//! broken, stalled, slow and corrupted streams, short reads and writes.
//!
//! A fault concerns the way from one host to another. Both ways of a connection pass the stream that the dialling
//! host holds, so only dialled streams are wrapped with a link; accepted streams pass everything through.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use dacapo::seed::{Rng, SeedRng};
use dacapo::transport::{Address, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::host::Host;

/// What a link does for as long as a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Dials are refused.
    Refuse,
    /// Dials are never answered.
    Hang,
    /// Nothing moves, and nothing is lost.
    Stall,
    /// A read or write takes at most seven bytes.
    Short,
    /// Each write waits for this duration.
    Slow(Duration),
}

/// All links of a run. Clones are the same links.
#[derive(Clone)]
pub struct Links {
    state: Rc<RefCell<State>>,
}

struct State {
    links: BTreeMap<(Host, Host), Link>,
    /// The tasks that wait on a stream, by stream and direction. Any change wakes them.
    wakers: BTreeMap<(u64, bool), Waker>,
    streams: u64,
    open: BTreeMap<Host, usize>,
    rng: SeedRng,
}

#[derive(Default)]
struct Link {
    troubles: Vec<Trouble>,
    /// How many of the next pieces get a wrong bit.
    corrupt: u32,
    /// Streams that were opened before this number are broken.
    broken_before: u64,
}

impl Links {
    /// Makes links without a fault. `rng` chooses how short a short read is.
    #[must_use]
    pub fn new(rng: SeedRng) -> Self {
        let state = State { links: BTreeMap::new(), wakers: BTreeMap::new(), streams: 0, open: BTreeMap::new(), rng };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Begins a trouble on the way from one host to another.
    pub fn begin(&self, from: Host, to: Host, trouble: Trouble) {
        self.change(from, to, |link, _| link.troubles.push(trouble));
    }

    /// Ends a trouble that has begun.
    pub fn end(&self, from: Host, to: Host, trouble: Trouble) {
        self.change(from, to, |link, _| {
            if let Some(index) = link.troubles.iter().position(|found| *found == trouble) {
                link.troubles.remove(index);
            }
        });
    }

    /// Ends every trouble.
    pub fn mend_all(&self) {
        let wakers = {
            let mut state = self.state.borrow_mut();
            for link in state.links.values_mut() {
                link.troubles.clear();
                link.corrupt = 0;
            }
            std::mem::take(&mut state.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    /// Breaks the connections between two hosts, whichever of them dialled.
    pub fn cut_open_connections(&self, from: Host, to: Host) {
        self.change(from, to, |link, streams| link.broken_before = streams);
    }

    /// Flips a bit in the next piece that travels from one host to another.
    pub fn corrupt_next(&self, from: Host, to: Host) {
        self.change(from, to, |link, _| link.corrupt += 1);
    }

    /// Returns how many dialled connections of a host are open.
    #[must_use]
    pub fn open_connections(&self, host: Host) -> usize {
        self.state.borrow().open.get(&host).copied().unwrap_or(0)
    }

    fn change(&self, from: Host, to: Host, change: impl FnOnce(&mut Link, u64)) {
        let wakers = {
            let mut state = self.state.borrow_mut();
            let streams = state.streams;
            change(state.links.entry((from, to)).or_default(), streams);
            std::mem::take(&mut state.wakers)
        };
        // Woken outside of the borrow, in the order of the streams.
        wakers.into_values().for_each(Waker::wake);
    }
}

impl State {
    fn has(&self, from: Host, to: Host, trouble: Trouble) -> bool {
        self.links.get(&(from, to)).is_some_and(|link| link.troubles.contains(&trouble))
    }

    fn delay(&self, from: Host, to: Host) -> Option<Duration> {
        let slow = |trouble: &Trouble| match trouble {
            Trouble::Slow(delay) => Some(*delay),
            _ => None,
        };
        self.links.get(&(from, to))?.troubles.iter().filter_map(slow).max()
    }

    fn is_broken(&self, id: u64, one: Host, other: Host) -> bool {
        [(one, other), (other, one)].iter().any(|way| self.links.get(way).is_some_and(|link| id < link.broken_before))
    }

    /// Returns how many bytes one call moves at most.
    fn bound(&mut self, from: Host, to: Host) -> usize {
        if !self.has(from, to, Trouble::Short) {
            return usize::MAX;
        }
        1 + usize::try_from(self.rng.next_u32() % 7).expect("a small number")
    }

    fn take_corrupt(&mut self, from: Host, to: Host) -> bool {
        let Some(link) = self.links.get_mut(&(from, to)).filter(|link| link.corrupt > 0) else { return false };
        link.corrupt -= 1;
        true
    }
}

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
    waits: Option<Pin<Box<Sleep>>>,
    has_waited: bool,
}

impl DialledLink {
    fn new(links: &Links, own: Host, peer: Host) -> Self {
        let mut state = links.state.borrow_mut();
        let id = state.streams;
        state.streams += 1;
        *state.open.entry(own).or_default() += 1;
        Self { links: links.clone(), own, peer, id, waits: None, has_waited: false }
    }

    /// Returns how many bytes may move at once, as soon as any may. Registers the task in any case, so that a change
    /// wakes it.
    fn gate(&self, is_read: bool, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        let mut state = self.links.state.borrow_mut();
        let (from, to) = if is_read { (self.peer, self.own) } else { (self.own, self.peer) };
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

    fn wait_for_slow_link(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waits.is_none() && !self.has_waited {
            let delay = self.links.state.borrow().delay(self.own, self.peer);
            self.waits = delay.map(|delay| Box::pin(tokio::time::sleep(delay)));
        }
        if let Some(waits) = &mut self.waits {
            ready!(waits.as_mut().poll(cx));
            self.waits = None;
            self.has_waited = true;
        }
        Poll::Ready(())
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
        let Some(link) = &this.link else { return Pin::new(&mut this.stream).poll_read(cx, out) };
        let bound = ready!(link.gate(true, cx))?;
        let before = out.filled().len();
        if bound >= out.remaining() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, out))?;
        } else {
            let mut few = [0; 8];
            let mut short = ReadBuf::new(&mut few[..bound]);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut short))?;
            out.put_slice(short.filled());
        }
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
        ready!(link.wait_for_slow_link(cx));
        let is_corrupt = !bytes.is_empty() && link.links.state.borrow_mut().take_corrupt(link.own, link.peer);
        let written = if is_corrupt {
            let mut wrong = bytes[..bound].to_vec();
            wrong[bound - 1] ^= 1;
            ready!(Pin::new(&mut this.stream).poll_write(cx, &wrong))
        } else {
            ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..bound]))
        };
        link.has_waited = false;
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

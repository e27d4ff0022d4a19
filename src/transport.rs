//! The transport seam: how a node listens for and dials ordered byte streams.
//!
//! A stream is an `AsyncRead + AsyncWrite` that may deliver and take fewer bytes than asked, may stall for ever and may
//! end anywhere. Making it secret and authentic is left to the link in `node`.

mod address;
pub mod tcp;

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

pub use address::{Address, AddressError};

/// A network that a node listens on and dials through. Cheap to clone; clones are one network.
pub trait Transport: Clone + 'static {
    /// A connection. Dropping it closes both directions.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;
    /// A bound port that accepts connections until it is dropped.
    type Listener: 'static;

    /// Listens on an address; port 0 takes a free one. Returns the address in use.
    fn bind(&self, address: &Address) -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>>;

    /// Waits for the next connection and says where it comes from. An error concerns one connection or a
    /// passing lack of resources; the listener stays usable.
    fn accept(&self, listener: &mut Self::Listener) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// Opens a connection. May wait for ever: the caller sets the deadline.
    fn connect(&self, address: &Address) -> impl Future<Output = io::Result<Self::Stream>>;
}

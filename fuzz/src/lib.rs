//! What the fuzz targets share: streams of given bytes, and the fixed parties of a handshake.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use dacapo::crypto::{ClusterSecret, Keys, MasterSecret};
use dacapo::node::Lane;
use dacapo::node::link::Credentials;
use dacapo::seed::Seed;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The other side of a connection. It says given bytes, then closes; what it is told is kept.
pub struct Script<'a> {
    says: &'a [u8],
    /// The bytes that the script was told.
    pub heard: Vec<u8>,
}

impl<'a> Script<'a> {
    /// Returns a script that says these bytes.
    #[must_use]
    pub fn new(says: &'a [u8]) -> Self {
        Self { says, heard: Vec::new() }
    }
}

impl AsyncRead for Script<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (now, later) = self.says.split_at(self.says.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.says = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Runs work that never has to wait, and returns its result.
///
/// # Panics
/// Panics if the work waits.
pub fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the work waits, and no stream here is ever late"),
    }
}

/// One side of the handshakes that the corpus has recorded. The party of a number is always the same.
pub struct Party {
    keys: Keys,
    cluster: ClusterSecret,
    seed: Seed,
}

impl Party {
    /// Returns the party of a number.
    #[must_use]
    pub fn new(number: u8) -> Self {
        let seed = Seed::from_u64(number.into());
        Self { keys: Keys::derive(&MasterSecret([number; 32])), cluster: ClusterSecret::open(), seed }
    }

    /// Returns the credentials of the party, with the same ephemeral key each time.
    #[must_use]
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials::draw(&self.keys, &self.cluster, &mut self.seed.rng(Lane::Handshake))
    }
}

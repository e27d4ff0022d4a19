//! What a node runs on: a network, a disk, the time of day and fresh entropy, bundled into one type parameter. What the
//! first two promise is left to the seams `transport` and `disk`.

pub mod machine;

use std::io;

use crate::disk::Disk;
use crate::time::UnixMillis;
use crate::transport::Transport;

/// The world below a node. Durations and deadlines come from `tokio::time`; only the time of day comes from the
/// platform, because it alone can be wrong.
pub trait Platform: Clone + 'static {
    /// The network.
    type Transport: Transport;
    /// The disk that holds the data directory.
    type Disk: Disk;

    /// Returns the network.
    fn transport(&self) -> &Self::Transport;

    /// Returns the disk.
    fn disk(&self) -> &Self::Disk;

    /// Returns the time of day, for showing to people. It may jump, forwards and back. New ranges of versions begin
    /// above it, and above all earlier ones.
    fn now(&self) -> UnixMillis;

    /// Returns bytes to be mixed into what the seed gives. On a machine no two calls return the same, not even if the
    /// memory of the process was copied in between and both copies go on. In a simulation they are a constant, or
    /// depend on the seed of the run.
    ///
    /// # Errors
    /// Fails if the operating system gives no entropy.
    fn entropy(&self) -> io::Result<Entropy>;
}

/// The length of [`Entropy`]. Chosen: a key or a seed has as many bytes.
pub const ENTROPY_BYTES: usize = 32;

/// Fresh bytes of a platform. All zeros leave what they are mixed into as it is.
#[derive(Clone, Copy)]
pub struct Entropy(pub [u8; ENTROPY_BYTES]);

impl Entropy {
    /// Returns bytes that are as hard to foresee as the harder of `bytes` and the entropy. Equal bytes with different
    /// entropy give different ones, as far as they are no longer than the entropy.
    #[must_use]
    pub fn mix<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        const { assert!(N <= ENTROPY_BYTES, "no byte goes without entropy") };
        bytes.iter_mut().zip(self.0).for_each(|(byte, fresh)| *byte ^= fresh);
        bytes
    }
}

//! What a node runs on: a network, a disk and the time of day, bundled into one type parameter. What each of them
//! promises is left to the seams `transport` and `disk`.

pub mod machine;

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
}

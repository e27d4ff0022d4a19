//! What a node runs on: a network, a disk and the time of day, bundled into one type parameter.

pub mod machine;

use crate::disk::Disk;
use crate::time::UnixMillis;
use crate::transport::Transport;

/// The world below a node. Durations and deadlines are `tokio::time`; only the time of day is asked here,
/// because only that can be wrong.
pub trait Platform: Clone + 'static {
    /// The network.
    type Transport: Transport;
    /// The disk that holds the data directory.
    type Disk: Disk;

    /// The network.
    fn transport(&self) -> &Self::Transport;

    /// The disk.
    fn disk(&self) -> &Self::Disk;

    /// The time of day, for showing to people. Nothing depends on its order.
    fn now(&self) -> UnixMillis;
}

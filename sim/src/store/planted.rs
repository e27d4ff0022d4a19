//! What planted bugs do: to the disk and the network of a node, to its start, and to what clients learn of their
//! calls. Each bug is wrong in one way in which a node or a disk could be wrong.

mod answers;
mod disk;
mod start;
mod transport;

pub use disk::BugDisk;
pub use transport::BugTransport;

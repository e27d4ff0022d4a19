//! What planted bugs do. Each bug makes the world around the node, or what a client learns from it, wrong in one way in
//! which a node or a disk could be wrong.

mod answers;
mod disk;
mod start;
mod transport;

pub use disk::BugDisk;
pub use transport::BugTransport;

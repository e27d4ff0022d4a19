//! Which peers are to hold which files, and what differs between two sets of files. Everything here is pure: nothing
//! does I/O or waits.

mod placement;
mod replicas;
mod summary;

pub use placement::Placement;
pub use replicas::{Replicas, ReplicasError};
pub use summary::{Entry, Leaf, Print, Summary, differing_groups, differing_leaves};

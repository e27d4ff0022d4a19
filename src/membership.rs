//! Who may be a peer: the secret that everybody in a cluster has, and on each node the list of those whom it dials,
//! admits by name, or has forgotten.
//!
//! The secret lets a node through the door; the list says who is turned away all the same. Both lie in the data
//! directory, are replaced durably or not at all, and stay as they were where a crash comes between.

mod cluster;
mod invitation;
mod members;

pub use crate::crypto::Cluster;
pub use cluster::ClusterError;
pub use invitation::{Invitation, InvitationError};
pub use members::{Admission, Dial, MemberChange, Members, MembersError};

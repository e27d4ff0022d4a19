//! Who may be a peer: the secret that all nodes of a cluster share, and on each node the list of the nodes that it
//! dials, admits by name, or has forgotten.
//!
//! The secret lets a node through the door; the list turns some away all the same. Both lie in the data directory and
//! are replaced durably: a crash leaves the old or the new one. Refusing a connection is left to `node`.

mod backup;
mod cluster;
mod invitation;
mod members;

pub use backup::{Backup, BackupContent, BackupError, BackupTextError, PASSPHRASE_CHARS_MIN};
pub use cluster::{Cluster, ClusterError};
pub use invitation::{Invitation, InvitationError};
pub use members::{Admission, Dial, MemberChange, Members, MembersError};

//! How the node of a host is started: the options that a plan may name, and what all nodes of a run have in common.

use dacapo::crypto::ClusterSecret;
use dacapo::node::Replicas;
use dacapo::store::layout::Layout;

/// The options that a plan may give a host. At most one of each kind counts: a layout, and a number of replicas.
pub const OPTIONS: &[&str] = &["packed", "replicas-1", "replicas-2"];

/// Returns the layout that the options of a host name, if they name one.
#[must_use]
pub fn layout(options: &[String]) -> Option<Layout> {
    options.iter().find_map(|option| option.parse().ok())
}

/// Returns the secret that all nodes of a run share.
#[must_use]
pub fn cluster() -> ClusterSecret {
    ClusterSecret(blake3::derive_key("dacapo simulated cluster v1", &[]))
}

/// Returns how many peers are to hold each file of a host's node.
#[must_use]
pub fn replicas(options: &[String]) -> Replicas {
    let count = options.iter().find_map(|option| option.strip_prefix("replicas-")?.parse().ok());
    count.map_or(Replicas::All, Replicas::Count)
}

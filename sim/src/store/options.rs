//! How the node of a host is started: the options that a plan may name, and what all nodes of a run have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use dacapo::crypto::{ClusterSecret, ReplicaName};
use dacapo::limits::{DELETIONS_KEPT, QUOTA_FILE_BYTES};
use dacapo::node::{Quota, Replicas};
use dacapo::store::layout::Layout;

/// The options that a plan may give a host. At most one of each kind counts: a layout, a number of replicas, whether
/// deletions are forgotten, what each owner may take up, and whether clients call over HTTP.
pub const OPTIONS: &[&str] = &["packed", "replicas-1", "replicas-2", "forgets", "quota", "http"];

/// What each owner may take up on a host with the option `quota`: less than the files of many seeds.
const QUOTA: Quota = Quota { bytes_max: Some(200_000), files_max: Some(10) };

/// How long a node with the option `forgets` remembers deletions at least: longer than the plans of seeds have copies
/// of disks, which bring deleted files back later, and short enough that these plans get to the end.
const KEPT: Duration = Duration::from_secs(10);

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

/// Returns how long a host's node remembers deletions at least.
#[must_use]
pub fn deletions_kept(options: &[String]) -> Duration {
    if options.iter().any(|option| option == "forgets") { KEPT } else { DELETIONS_KEPT }
}

/// Returns what each owner may take up on the disk of a host's node.
#[must_use]
pub fn quota(options: &[String]) -> Quota {
    if options.iter().any(|option| option == "quota") { QUOTA } else { Quota::default() }
}

/// Whether a peer has refused a replica for this reason because of its quota.
#[must_use]
pub fn is_of_quota(reason: &str) -> bool {
    reason.ends_with("for one owner")
}

/// Whether a host's node listens elsewhere than where the others were told to dial it.
#[must_use]
pub fn has_moved(options: &[String]) -> bool {
    options.iter().any(|option| option == "moved")
}

/// Whether clients call a host's node over HTTP.
#[must_use]
pub fn is_served(options: &[String]) -> bool {
    options.iter().any(|option| option == "http")
}

/// Whether an owner may take up so much: the lengths of its replicas in bytes, by name.
#[must_use]
pub fn fits(quota: Quota, replicas: &BTreeMap<ReplicaName, u64>) -> bool {
    let counted: u64 = replicas.values().map(|bytes| bytes + QUOTA_FILE_BYTES).sum();
    let files = u64::try_from(replicas.len()).unwrap_or(u64::MAX);
    quota.bytes_max.is_none_or(|max| counted <= max) && quota.files_max.is_none_or(|max| files <= max)
}

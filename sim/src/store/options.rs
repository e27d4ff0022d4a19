//! How the node of a host is started: the options that a plan may name, and what all nodes of a run have in common.

use std::time::Duration;

use dacapo::crypto::ClusterSecret;
use dacapo::limits::DELETIONS_KEPT;
use dacapo::node::{Quota, Replicas, Upkeep};
use dacapo::store::layout::Layout;

/// The options that a plan may give a host. At most one of each kind counts: a layout, a number of replicas, whether
/// deletions are forgotten, what each owner may take up, whether clients call over HTTP, and how often the node looks
/// after its disk.
pub const OPTIONS: &[&str] = &["packed", "replicas-1", "replicas-2", "forgets", "quota", "http", "upkeep"];

/// What each owner may take up on a host with the option `quota`: less than the files of many seeds.
const QUOTA: Quota = Quota { bytes_max: Some(200_000), files_max: Some(10) };

/// How long a node with the option `forgets` remembers deletions at least: longer than the plans of seeds have copies
/// of disks, which bring deleted files back later, and short enough that these plans get to the end.
const KEPT: Duration = Duration::from_secs(10);

/// How often a node with the option `upkeep` looks after its disk: some times in the plan of each seed. It compacts
/// each catalog of which half is free.
const OFTEN: Upkeep = Upkeep {
    scrub_pause: Duration::from_millis(700),
    scrub_interval: Duration::from_secs(2),
    scrub_save_interval: Duration::from_millis(5),
    verified_save_interval: Duration::from_secs(1),
    compact_bytes_min: 0,
};

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

/// Whether a host's node looks after its disk often.
#[must_use]
pub fn has_upkeep(options: &[String]) -> bool {
    options.iter().any(|option| option == "upkeep")
}

/// Returns how often a host's node looks after its disk.
#[must_use]
pub fn upkeep(options: &[String]) -> Upkeep {
    if has_upkeep(options) { OFTEN } else { Upkeep::default() }
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

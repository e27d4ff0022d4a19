//! Promise 8: connections stay under their limits, no owner takes up more than its quota, and work that was given up
//! leaves no temporary file. Sources: the links and the disks at the end of a run, when nothing is on its way any more.
//!
//! Cannot see: memory and tasks. A host whose disk failed may keep temporary files until its next start.

use dacapo::limits::{POOL_CONNECTIONS_MAX, QUARANTINE_CATALOGS_MAX, QUARANTINE_FILES_MAX};
use dacapo::node::Quota;

use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::options::{fits, quota};
use crate::subject::Run;

/// Judges a run.
///
/// # Errors
/// Returns what is too much.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    // To each peer: control connections both ways, a full pool, and a connection that the peer asked for.
    let max = (run.plan.nodes - 1) * (2 + 2 * POOL_CONNECTIONS_MAX);
    // A liar may have opened more than is allowed.
    for (host, count) in run.connections.iter().enumerate().filter(|(host, _)| !run.liars.contains(host)) {
        if *count > max {
            return Err(format!("n{host} has dialled {count} connections, {max} are allowed"));
        }
    }
    let has_failed = ["disk-errors", "late-errors", "full-disk"].iter().any(|fault| run.faults.contains_key(*fault));
    // What a liar sends to the end of a run is on its way then.
    let is_quiet = run.plan.lost_for_good().is_empty();
    for (host, disk) in run.disks.iter().enumerate().filter(|_| !has_failed) {
        let aside = disk.tree().iter().filter(|(path, ..)| path.starts_with("quarantine/")).count();
        if aside > QUARANTINE_FILES_MAX + QUARANTINE_CATALOGS_MAX {
            return Err(format!("n{host} has {aside} damaged files in quarantine"));
        }
        if let Some((path, ..)) = disk.tree().into_iter().find(|(path, ..)| is_quiet && path.starts_with("tmp/")) {
            return Err(format!("n{host} has left {path}"));
        }
    }
    for (host, disk) in run.disks.iter().enumerate().filter(|(host, _)| !run.liars.contains(host)) {
        // What was taken before there was a quota stays.
        if run.clients.settings.has_other_quota(host) {
            continue;
        }
        let quota = quota(&run.plan.options_of(host));
        if quota == Quota::default() {
            continue;
        }
        if let Some((owner, replicas)) = Contents::of(disk).held().iter().find(|(_, replicas)| !fits(quota, replicas)) {
            let (count, bytes) = (replicas.len(), replicas.values().sum::<u64>());
            return Err(format!("n{host} holds {count} replicas of {bytes} bytes for {owner}, above its quota"));
        }
    }
    Ok(())
}

//! Promise 8: connections stay under their limits, no owner takes up more than its quota, no peer makes a repair go on
//! for ever, and work that was given up leaves no task, no place that is taken, no lock and no temporary file. Sources:
//! the links and the disks at the end of a run, when nothing is on its way any more, what nodes say of their load, and
//! what liars are asked.
//!
//! Cannot see: memory; what a host keeps whose own disk has failed calls, until its next start; temporary files while a
//! host is lost for good, because nobody waits then until nothing is on its way any more.

mod offers;

use dacapo::limits::{POOL_CONNECTIONS_MAX, QUARANTINE_CATALOGS_MAX, QUARANTINE_FILES_MAX};
use dacapo::node::{Load, Quota};
use dacapo::store::Usage;

use crate::fault::Fault;
use crate::host::Host;
use crate::store::contents::{self, Contents};
use crate::store::files::Files;
use crate::store::options::{fits, quota};
use crate::subject::{Run, Scene};

pub use offers::judge as judge_offers;

/// How many tasks a node at rest has beside one for each connection on which peers ask, each address that it dials, and
/// two for each peer: those of commits, connections, calls, searches, scrubs and verifications.
const TASKS: usize = 6;

/// Judges what a node is busy with when it has nothing to do.
///
/// # Errors
/// Returns what it is busy with.
pub fn judge_load(scene: &Scene<Files>, host: Host, load: Load) -> Result<(), String> {
    let others = scene.plan.nodes - 1;
    let dials = scene.plan.dials.iter().filter(|(from, _)| *from == host).count();
    let tasks_max = TASKS + dials + 2 * others + load.connections;
    let Load { calls, exchanges, locked, arriving, connections, tasks } = load;
    match (calls, exchanges, locked) {
        (0, 0, 0) if arriving == Usage::default() && tasks <= tasks_max => Ok(()),
        (0, 0, 0) if arriving == Usage::default() => {
            Err(format!("n{host} is at rest with {tasks} tasks and {connections} connections, {tasks_max} are enough"))
        }
        _ => Err(format!(
            "n{host} is at rest with {calls} calls, {exchanges} exchanges, {locked} locks and {} replicas on their way",
            arriving.files
        )),
    }
}

/// Judges a run.
///
/// # Errors
/// Returns what is too much.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    if let Some(excess) = run.clients.excess() {
        return Err(excess);
    }
    // To each peer: control connections both ways and to where it was found, a full pool, and a connection that the
    // peer asked for.
    let max = (run.plan.nodes - 1) * (3 + 2 * POOL_CONNECTIONS_MAX);
    // A liar may have opened more than is allowed.
    for (host, count) in run.connections.iter().enumerate().filter(|(host, _)| !run.liars.contains(host)) {
        if *count > max {
            return Err(format!("n{host} has dialled {count} connections, {max} are allowed"));
        }
    }
    // A file that could not be removed lies there until the next start, and only calls on its own disk can fail: what a
    // peer gives or takes breaks off if the disk of that peer fails, and the host removes then what it has of it. So
    // it does with what a liar or a dead peer has not sent to the end, and a start with what a kill or a disk that was
    // put back has left.
    let has_failed = |host| {
        let is_its = |fault: &Fault| fault.only_fails_calls() && fault.faulty_disk() == Some(host);
        run.plan.faults().any(is_its)
    };
    // If a host is lost for good, the check after the faults does not wait until the others are at rest: what a liar
    // sends to the end, and what they send each other, may be on its way when the run ends.
    let is_quiet = run.plan.lost_for_good().is_empty();
    for (host, disk) in run.disks.iter().enumerate().filter(|(host, _)| !has_failed(*host)) {
        let aside = contents::aside(disk);
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

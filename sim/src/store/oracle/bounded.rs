//! Promise 8: connections stay under their limits, no owner takes up more than its quota, no peer makes a repair go on
//! for ever, and work that was given up leaves no task, no place that is taken, no lock and no temporary file. Sources:
//! the links and the disks at the end of a run, when nothing is on its way any more, what nodes say of their load, and
//! what liars are asked.
//!
//! Cannot see: memory; what a host keeps whose own disk has failed calls, until its next start; temporary files that an
//! exchange with a host that lies to the end has just made.

mod offers;

use std::collections::BTreeSet;
use std::fmt;

use dacapo::limits::{POOL_CONNECTIONS_MAX, QUARANTINE_CATALOGS_MAX, QUARANTINE_FILES_MAX};
use dacapo::node::Load;
use dacapo::store::Usage;

use crate::disk::SimDisk;
use crate::host::Host;
use crate::plan::Plan;
use crate::store::call::Call;
use crate::store::contents::{self, Contents};
use crate::store::files::Files;
use crate::store::quotas::usage;
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

/// A temporary file on a host that has no reason to keep it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover(Host, String);

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{} has left {}", self.0, self.1)
    }
}

/// Returns the temporary files on the disks of a plan, but for those of hosts that are lost for good: these stop in the
/// middle of what they do.
#[must_use]
pub fn leftovers(plan: &Plan<Call>, disks: &[SimDisk]) -> BTreeSet<Leftover> {
    let hosts = plan.hosts_left().into_iter().filter(|host| !has_failed(plan, *host));
    let temporary = |host: Host| {
        let files = disks[host].tree().into_iter().map(|(path, ..)| path);
        files.filter(|path| path.starts_with("tmp/")).map(move |path| Leftover(host, path))
    };
    hosts.flat_map(temporary).collect()
}

/// Whether calls on the disk of a host may have failed. A file that could not be removed lies there until the next
/// start, and only calls on its own disk can fail: what a peer gives or takes breaks off if the disk of that peer
/// fails, and the host removes then what it has of it. So it does with what a liar or a dead peer has not sent to the
/// end, and a start with what a kill or a disk that was put back has left.
fn has_failed(plan: &Plan<Call>, host: Host) -> bool {
    plan.faults().any(|fault| fault.only_fails_calls() && fault.faulty_disk() == Some(host))
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
    for (host, disk) in run.disks.iter().enumerate().filter(|(host, _)| !has_failed(&run.plan, *host)) {
        let aside = contents::aside(disk);
        if aside > QUARANTINE_FILES_MAX + QUARANTINE_CATALOGS_MAX {
            return Err(format!("n{host} has {aside} damaged files in quarantine"));
        }
    }
    // What a host that lies to the end sends may be on its way when the run ends. The check after the faults has judged
    // what was left long before that.
    let is_quiet = run.plan.lying_for_good().is_empty();
    if let Some(file) = leftovers(&run.plan, &run.disks).first().filter(|_| is_quiet) {
        return Err(file.to_string());
    }
    let quotas = &run.clients.quotas;
    for (host, disk) in run.disks.iter().enumerate().filter(|(host, _)| !run.liars.contains(host)) {
        let contents = Contents::of(disk);
        let mut used = contents.held().iter().map(|(owner, replicas)| (*owner, usage(replicas)));
        if let Some((owner, Usage { files, bytes, .. })) =
            used.find(|(owner, usage)| !quotas.allow(host, *owner, *usage))
        {
            return Err(format!("n{host} holds {files} replicas of {bytes} bytes for {owner}, above its quota"));
        }
    }
    Ok(())
}

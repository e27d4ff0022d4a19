//! Promise 1 beside another node with the same identity: what that one stores does not take the place of what is here,
//! for as long as the peers see both. Source: what the node tells.
//!
//! Cannot see: runs with other faults, in which a peer may lose one of the two from sight.

use std::time::Duration;

use dacapo::event::Event;

use crate::fault::Fault;
use crate::host::Host;
use crate::store::files::Files;
use crate::store::liar::Lie;
use crate::subject::Scene;

/// What was being learnt already when the node was told may take so long.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Judges what the node of a host has just told. `was_known` says whether it knew the file already that it has learnt
/// of.
///
/// # Errors
/// If it has learnt of a newer version, or takes its disk for an older one, although all its peers have said that its
/// identity runs twice.
pub fn judge(scene: &Scene<Files>, host: Host, event: &Event, was_known: bool) -> Result<(), String> {
    let version = match event {
        Event::FileLearnt { version, .. } if was_known => version,
        Event::RolledBack { met } => met,
        _ => return Ok(()),
    };
    let is_twin = |fault: &Fault| matches!(fault, Fault::Lie(_, lie) if Lie::named(lie) == Some(Lie::Twin));
    let told_for = scene.clients.noticed.borrow().told_twice_for(host);
    let is_warned = told_for.is_some_and(|told_for| told_for > UNDER_WAY);
    match is_warned && scene.clients.runs_twice(host) && scene.plan.faults().all(is_twin) {
        true => Err(format!("n{host} believes {version}, from another node with its identity of which it was told")),
        false => Ok(()),
    }
}

//! Promise 4, while nothing is wrong: a call does what it is for, and each peer takes part. Sources: the answers to
//! calls before the first fault of a plan, and what nodes have told of their connections.
//!
//! Cannot see: gets that find no copy, and deletions that find too few, because peers may not have been connected. See
//! the check after the faults for these.

use dacapo::limits::CALLS_MAX;
use dacapo::node::{Quota, Replicas};

use crate::host::Host;
use crate::platform::elapsed;
use crate::store::call::{Call, Source};
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::options::{is_served, quota, replicas};
use crate::subject::Scene;

/// Whether nothing has happened so far but calls that go together with all others, and the node of a host runs.
#[must_use]
pub fn is_calm(scene: &Scene<Files>, host: Host) -> bool {
    let mut faults = scene.plan.timed_faults().into_iter();
    let has_begun = faults.any(|(at_ms, ..)| u128::from(at_ms) <= elapsed().as_millis());
    let is_disruptive = |entry: &HistoryEntry| {
        let changes_members = entry.call.member().is_some();
        let stops = matches!(entry.call, Call::Restart | Call::RestartAs(_) | Call::Convert | Call::Recover);
        changes_members || stops
    };
    !has_begun
        && scene.plan.triggered_faults().next().is_none()
        && scene.clients.node(host).is_some()
        && !scene.clients.history().iter().any(is_disruptive)
}

/// Judges a call that was made while all was calm.
///
/// # Errors
/// If it failed, or a peer that was connected has not taken part.
pub fn judge(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let history = scene.clients.history();
    let changes = |entry: &HistoryEntry| entry.may_be_stored() || matches!(entry.call, Call::Erase { .. });
    let has_failed = match (asked.call, outcome) {
        (_, Outcome::Failed(_)) => true,
        (Call::Store { source, .. }, Outcome::Rejected | Outcome::Unconfirmed) => {
            !source.is_unlike_told() && !matches!(source, Source::Left | Source::Held)
        }
        (Call::Erase { .. }, Outcome::Kept(_)) => !asked.meets(&history, changes),
        (_, Outcome::Rejected | Outcome::Unconfirmed) => true,
        _ => false,
    };
    let meets = |entry: &&HistoryEntry| entry.host == asked.host && entry.end() > asked.begun;
    let at_once = history.iter().filter(meets).count();
    // One call too many over HTTP finds no connection.
    let is_refused = at_once > CALLS_MAX / 4 && is_served(&scene.clients.options_now(&scene.plan, asked.host));
    if has_failed && !is_refused {
        return Err(format!("was {outcome}, and nothing was wrong"));
    }
    let has_quota = |host: Host| quota(&scene.plan.options_of(host)) != Quota::default();
    let (done, told) = match outcome {
        Outcome::Stored { holders, told, .. } => (holders, told),
        Outcome::Erased { peers, told, .. } => (peers, told),
        _ => return Ok(()),
    };
    match told.iter().find(|peer| !done.contains(peer)) {
        Some(peer) if !(0..scene.plan.nodes).any(has_quota) && !asked.meets(&history, changes) => {
            Err(format!("was not done at {}, and nothing was wrong", peer.short()))
        }
        _ => Ok(()),
    }
}

/// Judges whether an answer speaks of every peer. It may be about a call that nothing was calm for.
///
/// # Errors
/// If a peer that was connected all the while is not in it.
pub fn judge_receipts(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let is_placed = || replicas(&scene.clients.options_ever(&scene.plan, asked.host)) != Replicas::All;
    let told = match outcome {
        Outcome::Stored { told, .. } if !is_placed() => told,
        Outcome::Erased { told, .. } => told,
        _ => return Ok(()),
    };
    let noticed = scene.clients.noticed.borrow();
    let changes_members = |entry: &HistoryEntry| entry.host == asked.host && entry.call.member().is_some();
    // Whoever is forgotten may be connected for a moment longer.
    if !noticed.is_unstirred_since(asked.host, asked.begun) || scene.clients.history().iter().any(changes_members) {
        return Ok(());
    }
    match noticed.connected(asked.host).iter().find(|peer| !told.contains(peer)) {
        Some(peer) => Err(format!("says nothing of {}, which was connected all the while", peer.short())),
        None => Ok(()),
    }
}

//! Promise 1, when a node forgets deletions: it has remembered each for as long as it was told to, and no peer holds
//! the file any more. Sources: what nodes tell, and the disks at that moment.
//!
//! Cannot see: deletions of hosts whose clock is set, whose disk does something wrong, or that have forgotten a peer.

use dacapo::event::Event;

use crate::fault::Fault;
use crate::host::Host;
use crate::platform::elapsed;
use crate::store::call;
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::HistoryEntry;
use crate::store::options::deletions_kept;
use crate::store::oracle::trust::{is_as_left, is_faultless};
use crate::subject::Scene;

/// Judges what the node of a host has just told.
///
/// # Errors
/// If the node has forgotten a deletion too early.
pub fn judge(scene: &Scene<Files>, host: Host, event: &Event) -> Result<(), String> {
    let (Event::DeletionsForgotten { .. }, Some(keys)) = (event, scene.clients.keys(host)) else { return Ok(()) };
    let history = scene.clients.history();
    let is_set = |fault: &Fault| matches!(fault, Fault::Clock(at, _) if *at == host);
    let forgets_peer = |entry: &HistoryEntry| entry.host == host && entry.is_forgetting();
    if !is_as_left(scene, host) || scene.plan.faults().any(is_set) || history.iter().any(forgets_peer) {
        return Ok(());
    }
    let kept = deletions_kept(&scene.clients.options_ever(&scene.plan, host));
    let known = Contents::of(&scene.disks[host]);
    let peers = (0..scene.plan.nodes).filter(|at| *at != host && is_faultless(scene, *at) && is_as_left(scene, *at));
    let peers: Vec<_> = peers.map(|at| (at, Contents::of(&scene.disks[at]))).collect();
    for erased in history.iter().filter(|entry| entry.host == host && entry.is_erased()) {
        let Some(number) = erased.key else { continue };
        let is_back =
            |entry: &HistoryEntry| entry.is_about(host, number) && entry.may_be_stored() && entry.end() > erased.begun;
        let key = call::key(number);
        if history.iter().any(is_back) || !known.is_unknown(&keys, &key) {
            continue;
        }
        let age = elapsed().saturating_sub(erased.at);
        if age < kept {
            let (age, kept) = (age.as_secs_f64(), kept.as_secs());
            return Err(format!("n{host} has forgotten after {age:.1} of {kept} s that file {number} was deleted"));
        }
        let name = keys.replica_name(&key);
        let holds = |held: &Contents| held.held().get(&keys.node()).is_some_and(|held| held.contains_key(&name));
        if let Some((at, _)) = peers.iter().find(|(_, held)| holds(held)) {
            return Err(format!("n{host} has forgotten that file {number} was deleted, and n{at} holds it still"));
        }
    }
    Ok(())
}

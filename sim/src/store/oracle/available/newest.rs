//! Promise 4 for a node that has lost its catalog: what it gets of a file that it knows nothing of is the newest
//! version that a connected peer has, or none if the only copy of that is damaged. Sources: the disks of the peers as
//! the get begins, and what the node tells until it ends.
//!
//! Cannot see: gets during which a connection comes or goes, a peer does not answer, or a file is learnt.

use dacapo::crypto::{NodeId, Version};

use crate::host::Host;
use crate::store::call::{self, Call};
use crate::store::clients::Damaged;
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome, stores, was_erased};
use crate::store::oracle::faithful::content_at;
use crate::store::oracle::trust::has_its_word;
use crate::subject::Scene;

/// The newest version of a file that its owner has lost, and a peer that has it, or has a damaged copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newest {
    version: Version,
    is_good: bool,
    at: Host,
    peer: NodeId,
}

/// Returns what a get that begins has to give at least, if its node knows nothing of the file.
#[must_use]
pub fn expected(scene: &Scene<Files>, get: &HistoryEntry) -> Option<Newest> {
    let key = get.key.filter(|_| matches!(get.call, Call::Get { .. }) && scene.clients.was_made_anew(get.host))?;
    let history = scene.clients.history();
    let keys = scene.clients.keys(get.host)?;
    let is_unknown = || Contents::of(&scene.disks[get.host]).is_unknown(&keys, &call::key(key));
    if was_erased(&history, get.host, key) || scene.clients.has_twin(get.host) || !is_unknown() {
        return None;
    }
    let newest_at = |at: Host, peer| {
        let content = content_at(scene, &keys, &call::key(key), (at, peer))?;
        let stored: Vec<_> = stores(&history, get).filter(|entry| entry.content() == Some(content)).collect();
        let version = match stored.is_empty() {
            true => Contents::of(&scene.disks[at]).held_version(keys.node(), keys.replica_name(&call::key(key))),
            false => stored.iter().filter_map(|entry| entry.version()).max(),
        };
        Some(Newest { version: version?, is_good: !stored.is_empty(), at, peer })
    };
    let connected = scene.clients.noticed.borrow().connected(get.host).into_iter();
    let peers = connected.filter_map(|id| Some((scene.clients.host(id)?, id)));
    peers.filter(|(at, _)| has_its_word(scene, *at)).filter_map(|(at, id)| newest_at(at, id)).max()
}

/// Judges a get that has ended.
///
/// # Errors
/// If it gave an older version than a peer has that was connected all the time, and answered; the damaged copy of a
/// peer counts once the node has tried it.
pub fn judge(scene: &Scene<Files>, get: &HistoryEntry, expected: Newest, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Got(got) = outcome else { return Ok(()) };
    let history = scene.clients.history();
    let mut versions = stores(&history, get).filter(|entry| entry.content() == Some(*got)).map(HistoryEntry::version);
    let is_older = versions.all(|version| version.is_some_and(|version| version < expected.version));
    let has_held_still = !scene.clients.was_damaged_since(expected.at, get.begun);
    let noticed = scene.clients.noticed.borrow();
    let Some(file) = get.key.map(|key| call::key(key).file_name()) else { return Ok(()) };
    let is_unstirred = noticed.is_unstirred_since(get.host, get.begun);
    let tried = noticed.damaged_since(get.host, file, get.begun).get(&expected.peer).copied();
    // What a search has met when the catalog knew nothing of the file counts in it, and in the next one of this get.
    let counts = |tried: Damaged| {
        tried.learnt_before.is_none_or(|learnt| learnt < get.begun)
            || noticed.has_searched_since(get.host, file, tried.at)
    };
    let is_proved = match tried {
        Some(tried) => is_alone(&history, get) && (is_unstirred || counts(tried)),
        None => expected.is_good && is_unstirred,
    };
    if is_older && has_held_still && is_proved {
        let how = if expected.is_good { "holds" } else { "has a damaged copy of" };
        return Err(format!("gave an older version than {}, which n{} {how}", expected.version, expected.at));
    }
    Ok(())
}

/// Whether no other call can have searched for the file of a get while it was under way.
fn is_alone(history: &[HistoryEntry], get: &HistoryEntry) -> bool {
    let mut scrubs = history.iter().filter(|entry| entry.host == get.host && entry.call == Call::Scrub);
    !get.meets(history, |_| true) && !scrubs.any(|scrub| scrub.end() > get.begun)
}

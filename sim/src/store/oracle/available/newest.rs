//! Promise 4 for a node that has lost its catalog: what it gets of a file that it knows nothing of is the newest
//! version that a connected peer has. Sources: the disks of the peers as the get begins, and what the node tells until
//! it ends.
//!
//! Cannot see: gets during which a connection comes or goes, a peer does not answer, or a file is learnt.

use dacapo::crypto::Version;

use crate::host::Host;
use crate::store::call::{self, Call};
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome, stores, was_erased};
use crate::store::oracle::faithful::content_at;
use crate::store::oracle::trust::has_its_word;
use crate::subject::Scene;

/// The newest version of a file that its owner has lost, and a peer that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newest {
    version: Version,
    at: Host,
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
    let newest_at = |at: Host, id| {
        let content = content_at(scene, &keys, &call::key(key), (at, id))?;
        let stored = stores(&history, get).filter(|entry| entry.content() == Some(content));
        Some(Newest { version: stored.filter_map(HistoryEntry::version).max()?, at })
    };
    let connected = scene.clients.noticed.borrow().connected(get.host).into_iter();
    let peers = connected.filter_map(|id| Some((scene.clients.host(id)?, id)));
    peers.filter(|(at, _)| has_its_word(scene, *at)).filter_map(|(at, id)| newest_at(at, id)).max()
}

/// Judges a get that has ended.
///
/// # Errors
/// If it gave an older version than a peer has that was connected all the time, and answered.
pub fn judge(scene: &Scene<Files>, get: &HistoryEntry, expected: Newest, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Got(got) = outcome else { return Ok(()) };
    let history = scene.clients.history();
    let mut versions = stores(&history, get).filter(|entry| entry.content() == Some(*got)).map(HistoryEntry::version);
    let is_older = versions.all(|version| version.is_some_and(|version| version < expected.version));
    let has_held_still = !scene.clients.was_damaged_since(expected.at, get.begun);
    if is_older && has_held_still && scene.clients.noticed.borrow().is_unstirred_since(get.host, get.begun) {
        return Err(format!("gave an older version than {}, which n{} holds", expected.version, expected.at));
    }
    Ok(())
}

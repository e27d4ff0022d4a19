//! Promise 3 for a get that is to keep nothing: where there was no local copy there is none afterwards. Source: the
//! disk as the get begins and ends.
//!
//! Cannot see: gets beside another call that may bring a copy, or after one that has left a temporary file, and those
//! during which the node learns of a file or mends its disk.

use dacapo::store::PASSING;
use dacapo::store::layout::{BlobId, parse_temporary};

use crate::store::call::{self, Call, Reading};
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::oracle::durable::brings_copy;
use crate::store::oracle::trust::is_as_left;
use crate::subject::Scene;

/// Whether a get is to keep nothing, and there is no local copy of the file, and none that only lacks its name.
#[must_use]
pub fn is_bare(scene: &Scene<Files>, get: &HistoryEntry) -> bool {
    let (Call::Get { key, reading: Reading::Unkept }, Some(keys)) = (get.call, scene.clients.keys(get.host)) else {
        return false;
    };
    let own = BlobId::Own(call::key(key).file_name());
    let disk = &scene.disks[get.host];
    let may_be_named = disk.tree().iter().any(|(path, ..)| {
        let found = path.strip_prefix("tmp/").and_then(parse_temporary);
        found.is_some_and(|(blob, version, _)| blob == own && version != PASSING)
    });
    !may_be_named && Contents::of(disk).replica(keys.node(), &own).is_none()
}

/// Judges a get that has ended, before which there was no local copy.
///
/// # Errors
/// If there is one now.
pub fn judge(scene: &Scene<Files>, get: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let history = scene.clients.history();
    let noticed = scene.clients.noticed.borrow();
    let is_scrub = |entry: &&HistoryEntry| entry.host == get.host && entry.call == Call::Scrub;
    let is_judged = matches!(outcome, Outcome::Got(_))
        && is_as_left(scene, get.host)
        && !get.meets(&history, brings_copy)
        && !history.iter().filter(is_scrub).any(|scrub| scrub.end() > get.begun)
        && noticed.is_unstirred_since(get.host, get.begun)
        && get.key.is_some_and(|key| noticed.damaged_since(get.host, call::key(key).file_name(), get.begun).is_empty());
    drop(noticed);
    match is_judged && !is_bare(scene, get) {
        true => Err("was to leave no local copy, and left one".to_owned()),
        false => Ok(()),
    }
}

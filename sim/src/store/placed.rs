//! What lies where a get says that the verified copy lies, as another process on the host reads it.

use dacapo::disk::{DiskPath, EntryKind};

use super::bug::Bug;
use super::files::Files;
use super::history::{self, ContentDigest, HistoryEntry};
use crate::host::Host;
use crate::subject::Scene;

/// Reads what lies in the place of a copy; nothing if the file has gone meanwhile.
pub(super) fn read(scene: &Scene<Files>, host: Host, place: &DiskPath, bug: Option<Bug>) -> Option<ContentDigest> {
    let disk = &scene.disks[host];
    let mut path = place.to_string();
    if bug == Some(Bug::PlaceOfAnother) {
        let (folder, _) = path.split_once('/')?;
        let is_other = |other: &str| other.starts_with(&format!("{folder}/")) && other != path;
        let files = disk.tree().into_iter().filter(|(_, kind, _)| *kind == EntryKind::File);
        path = files.map(|(other, ..)| other).find(|other| is_other(other))?;
    }
    disk.read(&path).map(|content| history::digest(&content))
}

/// Judges what lay there beside what the get gave: the same, or what another store of the file has stored, because a
/// version that came between takes the place.
pub(super) fn judge(
    scene: &Scene<Files>,
    entry: &HistoryEntry,
    placed: Option<ContentDigest>,
    given: ContentDigest,
) -> Result<(), String> {
    let Some(placed) = placed.filter(|placed| *placed != given) else { return Ok(()) };
    let all = scene.clients.history();
    if history::stores(&all, entry).any(|store| store.content() == Some(placed)) {
        return Ok(());
    }
    Err(format!("gave {given:?}, and {placed:?} lay where it said that the copy lies"))
}

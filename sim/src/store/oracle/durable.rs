//! Promise 1: what was acknowledged stays, whatever happens to the host: no read goes back behind an acknowledged
//! store or deletion, and an acknowledged delete is not undone. Source: the history of the calls.
//!
//! Cannot see: a loss that the damage of a file at rest, or a later delete, also explains. What gives way to another
//! life of the disk, because its clock was set back, must be among the files that are kept for people to look at.

mod acknowledged;
pub mod forgotten;
pub mod twins;

use std::collections::BTreeSet;

use dacapo::crypto::Version;
use dacapo::store::layout::kept;

use super::available;
use crate::host::Host;
use crate::store::call::{self, Call, Reading};
use crate::store::files::Files;
use crate::store::history::{self, HistoryEntry, Outcome, stores, was_erased};
use crate::subject::Scene;

pub(in crate::store) use acknowledged::brings_copy;
pub use acknowledged::judge as judge_acknowledged;

/// Judges a read. `may_come_back` says whether a deleted file may be back.
///
/// # Errors
/// If the read returned something that had been overwritten, with an acknowledgement, before the read began.
pub fn judge_read(
    history: &[HistoryEntry],
    read: &HistoryEntry,
    may_come_back: bool,
    is_kept: impl Fn(&HistoryEntry) -> bool,
) -> Result<(), String> {
    let Some(Outcome::Got(got)) = read.outcome() else { return Ok(()) };
    if may_come_back && read.key.is_some_and(|key| was_erased(history, read.host, key)) {
        return Ok(());
    }
    let same = stores(history, read).filter(|entry| entry.content() == Some(*got) && entry.may_be_stored());
    let Some(newest) = same.map(HistoryEntry::end).max() else { return Ok(()) };
    let later = history
        .iter()
        .filter(|entry| entry.host == read.host && entry.key == read.key && entry.is_acknowledged_change())
        // What only a lost life of the disk knew counts again once the peers have told it: the check after the faults.
        .filter(|entry| !entry.is_lost)
        .filter(|entry| entry.begun > newest && entry.end() < read.begun)
        .find(|entry| !is_kept(entry));
    match later {
        Some(later) => Err(format!("went back behind call {}, which was acknowledged", later.number)),
        None => Ok(()),
    }
}

/// Whether a change gave way to another life of the disk, as it may if nobody can tell which one is newer. The content
/// of a store is kept then, unless a further start has forgotten that the change was made in this life.
pub(super) fn is_kept(scene: &Scene<Files>, change: &HistoryEntry) -> bool {
    if !available::is_history_torn(scene, change.host) {
        return false;
    }
    let (Some(Outcome::Stored { version, .. }), Some(key)) = (change.outcome(), change.key) else { return true };
    if scene.clients.was_started_again(change.host) {
        return true;
    }
    // Only the last store of that life had anything to give way.
    let has_given_way = |entry: &HistoryEntry| match entry.outcome() {
        Some(Outcome::Stored { digest: stored, version, .. }) => {
            let path = kept(call::key(key).file_name(), *version);
            let content = scene.disks[change.host].read(path.as_str());
            !scene.clients.is_of_last_life(entry) && content.is_some_and(|content| history::digest(&content) == *stored)
        }
        _ => false,
    };
    let is_since = |entry: &HistoryEntry| entry.is_about(change.host, key) && entry.version() >= Some(*version);
    let history = scene.clients.history();
    !scene.clients.is_of_last_life(change) && history.iter().any(|entry| is_since(entry) && has_given_way(entry))
}

/// What an oracle has to know of a host to judge what its node knows.
#[derive(Clone, Copy)]
pub struct Past {
    /// Whether a deleted file may be back.
    pub may_come_back: bool,
    /// Whether its disk is as the node has left it.
    pub is_as_left: bool,
    /// Whether nobody can tell which of two changes of a file counts.
    pub is_torn: bool,
}

/// Judges what a node said that it knows of files.
///
/// # Errors
/// If the node has forgotten an acknowledged store, knows a version older than it or one that nobody has stored, or
/// knows a file that was deleted everywhere.
pub fn judge_known(history: &[HistoryEntry], asked: &HistoryEntry, past: Past) -> Result<(), String> {
    let judge = |key: u8, known| judge_file(history, asked, past, key, known);
    match (asked.outcome(), asked.key) {
        (Some(Outcome::Known(about)), Some(key)) => judge(key, Some(about.version)),
        (Some(Outcome::NotFound), Some(key))
            if matches!(
                asked.call,
                Call::Stat { .. } | Call::Get { .. } | Call::Erase { .. } | Call::Holders { .. }
            ) =>
        {
            judge(key, None)
        }
        (Some(Outcome::Listed(files)), _) => {
            let of_host = history.iter().filter(|entry| entry.host == asked.host);
            let keys: BTreeSet<_> = of_host.filter_map(|entry| entry.key).chain(files.keys().copied()).collect();
            let judged = |key: u8| judge(key, files.get(&key).map(|about| about.version));
            keys.into_iter().try_for_each(|key| judged(key).map_err(|what| format!("of file {key}, {what}")))
        }
        _ => Ok(()),
    }
}

fn judge_file(
    history: &[HistoryEntry],
    asked: &HistoryEntry,
    past: Past,
    key: u8,
    known: Option<Version>,
) -> Result<(), String> {
    let of_file = || history.iter().filter(|entry| entry.is_about(asked.host, key));
    let lost =
        of_file().filter(|entry| entry.is_lost).map(|entry| entry.ended.as_ref().map_or(u64::MAX, |ended| ended.0));
    let lost = lost.max();
    // What is changed after a loss is newer than all that may come back.
    let is_since = |entry: &HistoryEntry| lost.is_none_or(|lost| entry.begun > lost);
    if past.is_torn && lost.is_some() || past.may_come_back && was_erased(history, asked.host, key) {
        return Ok(());
    }
    if known.is_some() && !of_file().any(HistoryEntry::may_be_stored) {
        return Err("knows what nobody has stored".to_owned());
    }
    let before = || of_file().filter(|entry| is_since(entry) && entry.end() < asked.begun);
    let newest = before().filter_map(|entry| match entry.outcome() {
        Some(Outcome::Stored { version, .. }) => Some((*version, entry)),
        _ => None,
    });
    let newest = newest.max_by_key(|(version, _)| *version);
    if let (Some(known), Some((version, entry))) = (known, newest)
        && known < version
    {
        return Err(format!("knows {known}, older than what call {} was told: {version}", entry.number));
    }
    let is_settled = |entry: &HistoryEntry| !entry.may_be_stored() || entry.end() < asked.begun;
    if let (Some(known), Some((version, _))) = (known, newest)
        && known > version
        && of_file().all(is_settled)
        && past.is_as_left
    {
        return Err(format!("knows {known}, which nobody has stored"));
    }
    match (known, newest) {
        (None, Some((version, entry)))
            if !of_file().any(|erase| erase.may_erase(version, entry.is_lost) && erase.end() > entry.begun) =>
        {
            Err(format!("does not know what call {} stored", entry.number))
        }
        (Some(_), _) => {
            let last = |entry: &HistoryEntry| {
                of_file().filter(|store| store.may_be_stored()).all(|store| store.end() < entry.begun)
            };
            match before().find(|entry| entry.is_erased() && last(entry)) {
                Some(erase) => Err(format!("knows a file that call {} deleted everywhere", erase.number)),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Whether the local copy of a file was deleted with an acknowledgement, and no call that was under way then, or
/// began later, can have brought it back.
#[must_use]
pub fn is_deleted_for_good(history: &[HistoryEntry], host: Host, key: u8) -> bool {
    let of_file = || history.iter().filter(|entry| entry.is_about(host, key));
    let is_lost = |entry: &HistoryEntry| entry.is_lost;
    if of_file().any(is_lost) {
        return false;
    }
    let last = of_file().filter(|entry| entry.outcome() == Some(&Outcome::Deleted)).map(|entry| entry.begun).max();
    let Some(deleted) = last else { return false };
    // A store that is perhaps stored can come back from a peer later.
    let brings_nothing_back = |call: Call| match call {
        Call::Delete { .. } | Call::Stat { .. } | Call::Holders { .. } => true,
        Call::Get { reading, .. } => reading == Reading::Unkept,
        _ => false,
    };
    of_file().filter(|entry| !brings_nothing_back(entry.call)).all(|entry| entry.end() < deleted)
}

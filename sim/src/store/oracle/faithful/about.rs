//! Promise 3 for what a node says of a file without giving it: the length, the time and the attributes are those of the
//! store that made the version. Sources: the history of the calls, and the time of the run.
//!
//! Cannot see: what is said of a version that no store was told; the time on a host whose clock has jumped.

use std::time::Duration;

use dacapo::crypto::Key;

use crate::fault::Fault;
use crate::platform::{EPOCH, elapsed};
use crate::store::about::{About, Beside};
use crate::store::call::{self, Call};
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::oracle::trust::has_its_word;
use crate::subject::Scene;

/// By how much the times of two hosts differ at most: some ticks.
const TICKS: Duration = Duration::from_millis(100);

/// Judges what a node has said of one file, or of all that it lists.
///
/// # Errors
/// If a store made that version, and gave something else.
pub fn judge(scene: &Scene<Files>, history: &[HistoryEntry], asked: &HistoryEntry) -> Result<(), String> {
    if !has_its_word(scene, asked.host) || scene.clients.is_reborn(asked.host) {
        return Ok(());
    }
    match (asked.outcome(), asked.key) {
        (Some(Outcome::Known(about)), Some(key)) => judge_file(scene, history, asked, key, about),
        (Some(Outcome::Listed(files)), _) => {
            files.iter().try_for_each(|(key, about)| judge_file(scene, history, asked, *key, about))
        }
        _ => Ok(()),
    }
}

fn judge_file(
    scene: &Scene<Files>,
    history: &[HistoryEntry],
    asked: &HistoryEntry,
    key: u8,
    about: &About,
) -> Result<(), String> {
    let is_store = |entry: &&HistoryEntry| entry.is_about(asked.host, key) && entry.may_be_stored();
    let made = |entry: &HistoryEntry| entry.version() == Some(about.version);
    // A store that is perhaps stored may have the same number in another life of the disk.
    let may_have_made = |entry: &&HistoryEntry| made(entry) || entry.version().is_none();
    let stores = || history.iter().filter(is_store);
    let jumps = |fault: &Fault| matches!(fault, Fault::Clock(at, _) if *at == asked.host);
    let has_time = !scene.plan.faults().any(jumps);
    let has_given = |entry: &HistoryEntry| gave(entry, about, has_time);
    if !stores().any(made) || stores().filter(may_have_made).any(has_given) {
        return Ok(());
    }
    Err(mistold(&call::key(key), about))
}

/// Whether a store has given what a node says of a file.
fn gave(entry: &HistoryEntry, about: &About, has_time: bool) -> bool {
    let Call::Store { size, .. } = entry.call else { return false };
    let beside = match about.beside {
        Beside::Untold => true,
        Beside::Told(attributes) => attributes == call::attributes(entry.number),
    };
    let since = Duration::from_millis(about.stored.0.saturating_sub(EPOCH.0));
    // A store that is perhaps stored may have gone on after its call.
    let is_stored = matches!(entry.outcome(), Some(Outcome::Stored { .. }));
    let until = entry.ended_at.filter(|_| is_stored).unwrap_or_else(elapsed);
    let is_time = entry.at <= since + TICKS && since <= until + TICKS;
    about.size == u64::from(size) && beside && (is_time || !has_time)
}

fn mistold(key: &Key, about: &About) -> String {
    let About { version, size, stored, beside } = about;
    let beside = match beside {
        Beside::Told(Some(attributes)) => format!("{attributes:?}"),
        Beside::Told(None) => "no attributes".to_owned(),
        Beside::Untold => "nothing".to_owned(),
    };
    let after_ms = i128::from(stored.0) - i128::from(EPOCH.0);
    format!(
        "says that {version} of {key} has {size} bytes, was stored after {after_ms} ms, and has {beside} beside them"
    )
}

//! Promise 3: a get returns exactly what was stored under that key by that owner, and a scrub finds no damage where
//! there is none. Source: the history of the calls.
//!
//! Cannot see: which of two calls that stored equal bytes a read has seen.

use crate::host::Host;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome, stores};
use crate::store::oracle::available::is_faultless;
use crate::subject::Scene;

/// Judges what a scrub has found.
///
/// # Errors
/// If it found damage on a disk that does nothing wrong in the whole plan.
pub fn judge_scrub(scene: &Scene<Files>, host: Host, outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Scrubbed(damaged @ 1..) if is_faultless(scene, host) => {
            Err(format!("found {damaged} files damaged on a disk that does nothing wrong"))
        }
        _ => Ok(()),
    }
}

/// Judges a read.
///
/// # Errors
/// If the read returned what no call has stored under its key.
pub fn judge_read(history: &[HistoryEntry], read: &HistoryEntry) -> Result<(), String> {
    let Some(Outcome::Got(got)) = read.outcome() else { return Ok(()) };
    if stores(history, read).any(|entry| entry.content() == Some(*got)) {
        Ok(())
    } else {
        Err("gave what nobody has stored under that key".to_owned())
    }
}

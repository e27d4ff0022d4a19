//! Promise 3: a get returns exactly what was stored under that key by that owner. Source: the history of the calls.
//!
//! Cannot see: which of two calls that stored equal bytes a read has seen.

use crate::store::history::{HistoryEntry, Outcome, stores};

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

//! Promise 2: a store that was rejected certainly did not happen. Source: the history of the calls.
//!
//! Cannot see: a rejected store whose content was never read, or whose content equals another one's.

use crate::store::history::{HistoryEntry, Outcome, stores};

/// Judges a read.
///
/// # Errors
/// If the read returned what a call was told not to have stored.
pub fn judge_read(history: &[HistoryEntry], read: &HistoryEntry) -> Result<(), String> {
    let Some(Outcome::Got(got)) = read.outcome() else { return Ok(()) };
    let mut same = stores(history, read).filter(|entry| entry.content() == Some(*got)).peekable();
    match same.peek().map(|entry| entry.number) {
        Some(number) if same.all(|entry| !entry.may_be_stored()) => {
            Err(format!("gave what call {number} was told not to have stored"))
        }
        _ => Ok(()),
    }
}

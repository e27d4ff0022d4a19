//! Promise 2: a store that was rejected certainly did not happen, and none of a part of a content does. Source: the
//! history of the calls.
//!
//! Cannot see: a rejected store whose content was never read, or whose content equals another one's.

use crate::store::call::Call;
use crate::store::history::{HistoryEntry, Outcome, stores};

/// Judges what a store was told.
///
/// # Errors
/// If the store was acknowledged, and its content never came to its end.
pub fn judge_store(call: Call, outcome: &Outcome) -> Result<(), String> {
    let is_unlike_told = matches!(call, Call::Store { source, .. } if source.is_unlike_told());
    match outcome {
        Outcome::Stored { .. } if is_unlike_told => {
            Err("was acknowledged, though it did not end where it was told to".to_owned())
        }
        _ => Ok(()),
    }
}

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

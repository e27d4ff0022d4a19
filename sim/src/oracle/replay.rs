//! A plan that is run again gives the same trace, line by line. Source: two runs of one plan.
//!
//! Cannot see: a difference between two processes. The command `twice` compares those.

use crate::subject::{Broken, Run, Subject};
use crate::twice::{compare, lines};

/// The name of this oracle.
pub(crate) const NAME: &str = "replay";

/// Judges two runs of one plan.
///
/// # Errors
/// If their traces differ.
pub(crate) fn judge<S: Subject>(first: &Run<S>, second: &Run<S>) -> Result<(), Broken> {
    if first.trace.digest() == second.trace.digest() {
        return Ok(());
    }
    let [first, second] = [first, second].map(|run| lines(&run.trace));
    match compare(first.iter().map(String::as_str), second.iter().map(String::as_str)) {
        None => Ok(()),
        Some(difference) => Err(Broken::new(NAME, format!("a second run has another trace: {difference}"))),
    }
}

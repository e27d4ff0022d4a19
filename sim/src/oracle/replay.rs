//! A plan that is run again gives the same trace, line by line. Source: two runs of one plan.
//!
//! Cannot see: a difference between two processes. The command `twice` compares those.

use crate::subject::{Broken, Run, Subject};

/// Judges two runs of one plan.
///
/// # Errors
/// If their traces differ.
pub(crate) fn judge<S: Subject>(first: &Run<S>, second: &Run<S>) -> Result<(), Broken> {
    if first.trace.digest() == second.trace.digest() {
        Ok(())
    } else {
        Err(Broken::new("replay", "a second run has another trace"))
    }
}

//! Promise 7: without the cluster secret nobody gets past the handshake, and nobody but its owner stores or gets in a
//! namespace. Source: what the liars of a run were answered.
//!
//! Cannot see: what liars do not try; and what one is told that has the keys of another.

use crate::store::files::Files;
use crate::subject::Run;

/// Judges a run.
///
/// # Errors
/// Names the first answer that nobody should have got.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    run.clients.trespass().map_or(Ok(()), Err)
}

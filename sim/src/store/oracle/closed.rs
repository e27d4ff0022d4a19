//! Promise 7: without the cluster secret no peer gets past the handshake, and only its owner stores or gets in a
//! namespace. Source: what the liars of a run were answered.
//!
//! Cannot see: what liars do not try, and the answers to a liar that has the keys of another.

use crate::store::files::Files;
use crate::subject::Run;

/// Judges a run.
///
/// # Errors
/// Returns the first answer that the liar must not have got.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    run.clients.trespass().map_or(Ok(()), Err)
}

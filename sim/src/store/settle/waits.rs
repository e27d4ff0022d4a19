//! How long the check after the faults waits.

use std::time::Duration;

use dacapo::limits::PROGRESS_TIMEOUT;

use crate::store::files::Files;
use crate::subject::Scene;

/// How long an exchange whose bytes were lost goes on at most, and as much again.
pub(super) const EXCHANGE_MAX: Duration = Duration::from_secs(2 * PROGRESS_TIMEOUT.as_secs());

/// How long it takes at most until an owner whose disk has forgotten files knows what a connected peer holds: two
/// heartbeats, and two repairs that failed.
pub(super) const RELEARNT_WITHIN: Duration = Duration::from_secs(20);

/// How long the check waits before it repeats a step that failed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long it takes at most, once all are connected and no exchange hangs, until every connected peer holds every
/// current file: a heartbeat, the longest wait of a repair that failed, an exchange that stalls, and the repair
/// itself.
pub(super) const CONVERGED_WITHIN: Duration = Duration::from_secs(60);

/// How much longer it takes for each file of a great many. Chosen: three times what an owner with an empty disk takes
/// to learn one of two peers, eight at a time.
const MENDED_WITHIN: Duration = Duration::from_millis(100);

/// Returns how long everything may take to converge.
pub(super) fn converged_within(scene: &Scene<Files>) -> Duration {
    let many: usize = scene.plan.hosts_left().into_iter().map(|host| scene.clients.many.of(host).len()).sum();
    CONVERGED_WITHIN + MENDED_WITHIN.saturating_mul(u32::try_from(many).unwrap_or(u32::MAX))
}

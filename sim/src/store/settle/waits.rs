//! How long the check after the faults waits.

use std::time::Duration;

use dacapo::limits::PROGRESS_TIMEOUT;

/// How long an exchange whose bytes were lost goes on at most, and as much again.
pub(super) const EXCHANGE_MAX: Duration = Duration::from_secs(2 * PROGRESS_TIMEOUT.as_secs());

/// How long it takes at most until an owner whose disk has forgotten files knows what a connected peer holds: two
/// heartbeats, and two repairs that failed.
pub(super) const RELEARNT_WITHIN: Duration = Duration::from_secs(20);

/// How long the check waits before it repeats a step that failed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

//! How long callers wait, and how long they make others wait.

use std::time::Duration;

/// How long a caller waits for a store that it leaves: long enough that the store has begun.
pub(super) const LEAVES_AFTER: Duration = Duration::from_millis(50);

/// How long a caller waits for a store whose source stands still.
pub(super) const STALL: Duration = Duration::from_millis(500);

/// How long a caller thinks between a look at a file and its deletion. Chosen: a multiple of the time between two
/// moments at which seeds have calls come together, so that the deletion comes at such a moment as well.
pub(super) const CONSIDERS: Duration = Duration::from_millis(1200);

/// How long a slow reader or a slow source pauses. Every other source does so for longer than a store streams to the
/// peers meanwhile.
pub(super) const PAUSE: Duration = Duration::from_secs(2);

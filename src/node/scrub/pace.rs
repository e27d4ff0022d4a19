//! How fast a scrub goes, and when the next one is due.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::limits::{SCRUB_BYTES_PER_SECOND, SCRUB_PASS_MAX};
use crate::store::ScrubState;
use crate::time::UnixMillis;

/// How fast a scrub goes.
pub(super) enum Pace {
    /// A caller waits for the scrub.
    AtOnce,
    /// The scrub must not slow down anything else.
    Slow { bytes_per_second: u64, save_interval: Duration, saved: Instant },
}

impl Pace {
    /// Returns the pace of a background scrub of so many bytes, which saves its position so often: slow, but fast
    /// enough to end in time.
    pub(super) fn slow(bytes: u64, save_interval: Duration) -> Self {
        Self::Slow { bytes_per_second: rate(bytes), save_interval, saved: Instant::now() }
    }

    /// Waits for as long as the bytes that were read are to take. Returns true if it is time to remember the position.
    pub(super) async fn after(&mut self, bytes: u64) -> bool {
        let Self::Slow { bytes_per_second, save_interval, saved } = self else { return false };
        sleep(Duration::from_millis(bytes.saturating_mul(1000) / *bytes_per_second + 1)).await;
        let is_due = saved.elapsed() >= *save_interval;
        if is_due {
            *saved = Instant::now();
        }
        is_due
    }
}

fn rate(bytes: u64) -> u64 {
    SCRUB_BYTES_PER_SECOND.max(bytes / SCRUB_PASS_MAX.as_secs())
}

/// Returns how long a background scrub has to wait: not at all if it goes on with one, and otherwise until an interval
/// after the end of the last one.
pub(super) fn wait(state: &ScrubState, interval: Duration, now: UnixMillis) -> Duration {
    match (&state.position, state.ended) {
        (None, Some(ended)) => {
            let since = Duration::from_millis(now.0.saturating_sub(ended.0));
            // If the clock was put back, that is the whole interval, and no more.
            interval.saturating_sub(since)
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{NodeId, ReplicaName};
    use crate::limits::{SCRUB_INTERVAL, SCRUB_SAVE_INTERVAL};
    use crate::store::ScrubPosition;

    #[test]
    fn a_scrub_goes_on_at_once_and_begins_an_interval_after_the_last_end() {
        let position = Some(ScrubPosition::Held(NodeId([1; 32]), ReplicaName([2; 16])));
        let now = UnixMillis(10 * 24 * 60 * 60 * 1000);
        let hours_ago = |hours: u64| Some(UnixMillis(now.0 - hours * 60 * 60 * 1000));
        let wait = |position, ended| wait(&ScrubState { position, ended }, SCRUB_INTERVAL, now).as_secs() / 3600;
        assert_eq!(wait(None, None), 0);
        assert_eq!(wait(position, hours_ago(1)), 0);
        assert_eq!(wait(None, hours_ago(1)), 23);
        assert_eq!(wait(None, hours_ago(100)), 0);
        assert_eq!(wait(None, Some(UnixMillis(now.0 * 2))), 24);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_scrub_takes_its_time_even_over_what_is_small() {
        let begun = Instant::now();
        let mut slow = Pace::slow(0, SCRUB_SAVE_INTERVAL);
        slow.after(2 * SCRUB_BYTES_PER_SECOND).await;
        assert_eq!(begun.elapsed().as_secs(), 2);
        for _ in 0..1000 {
            slow.after(1).await;
        }
        assert_eq!(begun.elapsed().as_secs(), 3);
        assert!(!Pace::AtOnce.after(1 << 40).await && begun.elapsed().as_secs() == 3);
    }

    #[test]
    fn the_pace_rises_where_a_pass_would_take_too_long() {
        assert_eq!(rate(1 << 30), SCRUB_BYTES_PER_SECOND);
        let bytes = 4 * SCRUB_BYTES_PER_SECOND * SCRUB_PASS_MAX.as_secs();
        assert_eq!(rate(bytes), 4 * SCRUB_BYTES_PER_SECOND);
    }
}

//! How a file was when its reading began: a file that changes meanwhile has given no content that may count.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use dacapo::platform::machine::time_of_day;
use tokio::time::sleep;

use crate::cli::limits::{COARSE_FILE_TIME_STEP, FILE_TIME_STEP};

/// What differs if a file was changed, in nanoseconds where it is a time.
#[derive(PartialEq, Eq)]
pub(super) struct State {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Waits until a further change would get another time.
    pub(super) async fn settle(&self) {
        sleep(self.wait(time_of_day().0)).await;
    }

    /// Returns how long it is until a further change would get another time.
    fn wait(&self, now_ms: u64) -> Duration {
        let (seconds, nanos) = self.changed;
        let is_coarse = (nanos, self.modified.1) == (0, 0);
        let step = if is_coarse { COARSE_FILE_TIME_STEP } else { FILE_TIME_STEP };
        let changed_ms = u64::try_from(seconds * 1000 + nanos / 1_000_000).unwrap_or_default();
        step.saturating_sub(Duration::from_millis(now_ms.saturating_sub(changed_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_changed_is_given_the_time_to_get_another_time() {
        let wait = |modified, changed, now_ms| {
            let wait = State { file: (1, 2), size: 3, modified, changed }.wait(now_ms);
            u64::try_from(wait.as_millis()).expect("small")
        };
        assert_eq!(wait((100, 5_000_000), (100, 5_000_000), 100_015), 10);
        assert_eq!(wait((100, 5_000_000), (100, 5_000_000), 100_025), 0);
        // Its file system keeps whole seconds.
        assert_eq!(wait((100, 0), (100, 0), 100_900), 1_100);
        assert_eq!(wait((7, 0), (100, 0), 102_000), 0);
        // Only its time was set to a whole second.
        assert_eq!(wait((7, 0), (100, 1), 100_900), 0);
    }
}

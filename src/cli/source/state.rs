//! How a file was when its reading began: a file that changes meanwhile has given no content that may count, and was
//! not compared.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use dacapo::platform::machine::time_of_day;
use rustix::fs::Stat;
use tokio::time::sleep;

use crate::cli::limits::{COARSE_FILE_TIME_STEP, FILE_TIME_STEP};

/// What differs if a file was changed, or if another one has taken its place. Times are seconds and nanoseconds; nobody
/// can set that of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    /// Its device and its number.
    pub(crate) file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileState {
    fn from(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino()),
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl From<&Stat> for FileState {
    fn from(found: &Stat) -> Self {
        let nanos = |nanos| i64::try_from(nanos).unwrap_or_default();
        Self {
            file: (found.st_dev, found.st_ino),
            size: u64::try_from(found.st_size).unwrap_or_default(),
            modified: (found.st_mtime, nanos(found.st_mtime_nsec)),
            changed: (found.st_ctime, nanos(found.st_ctime_nsec)),
        }
    }
}

impl FileState {
    /// Waits until a further change would get another time.
    pub(crate) async fn settle(&self) {
        sleep(self.wait(time_of_day().0)).await;
    }

    /// Returns how long it is until a further change would get another time. A change that is still to come was told by
    /// another clock, such as that of a server: no wait would prove anything.
    fn wait(&self, now_ms: u64) -> Duration {
        let (seconds, nanos) = self.changed;
        let is_coarse = (nanos, self.modified.1) == (0, 0);
        let step = if is_coarse { COARSE_FILE_TIME_STEP } else { FILE_TIME_STEP };
        let changed_ms = u64::try_from(seconds * 1000 + nanos / 1_000_000).unwrap_or_default();
        let [now, changed] = [now_ms, changed_ms].map(Duration::from_millis);
        if changed > now + step { Duration::ZERO } else { step.saturating_sub(now.saturating_sub(changed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_changed_is_given_the_time_to_get_another_time() {
        let wait = |modified, changed, now_ms| {
            let wait = FileState { file: (1, 2), size: 3, modified, changed }.wait(now_ms);
            u64::try_from(wait.as_millis()).expect("small")
        };
        assert_eq!(wait((100, 5_000_000), (100, 5_000_000), 100_015), 10);
        assert_eq!(wait((100, 5_000_000), (100, 5_000_000), 100_025), 0);
        // Its file system keeps whole seconds.
        assert_eq!(wait((100, 0), (100, 0), 100_900), 1_100);
        assert_eq!(wait((7, 0), (100, 0), 102_000), 0);
        // Its clock is ahead.
        assert_eq!(wait((100, 0), (100, 0), 98_000), 2_000);
        assert_eq!(wait((100, 0), (100, 0), 97_999), 0);
        // Only its time was set to a whole second.
        assert_eq!(wait((7, 0), (100, 1), 100_900), 0);
    }
}

//! How a file was when its reading began: a file that changes meanwhile has given no content that may count.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use dacapo::platform::machine::time_of_day;
use tokio::time::sleep;

use crate::cli::limits::FILE_TIME_STEP;

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
        let (seconds, nanos) = self.changed;
        let changed_ms = u64::try_from(seconds * 1000 + nanos / 1_000_000).unwrap_or_default();
        let age = Duration::from_millis(time_of_day().0.saturating_sub(changed_ms));
        if age < FILE_TIME_STEP {
            sleep(FILE_TIME_STEP).await;
        }
    }
}

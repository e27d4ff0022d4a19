//! What a database and the storage below it tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a backend shares with its opener.
#[derive(Clone, Default)]
pub(in crate::store) struct Switches {
    /// Set when a sync fails. From then on nobody knows which bytes of the file are durable, even after later syncs.
    pub(in crate::store) is_doubtful: Arc<AtomicBool>,
    /// To be set when the database is open: from then on each block has to be what was written.
    pub(super) is_strict: Arc<AtomicBool>,
    /// The sequence of the header that was written last.
    pub(super) newest: Arc<AtomicU64>,
}

impl Switches {
    /// Whether a sync has failed.
    pub(in crate::store) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }

    /// Lets each block be what was written, or an error, from here on.
    pub(in crate::store) fn be_strict(&self) {
        self.is_strict.store(true, Ordering::Relaxed);
    }
}

//! Collects which good local copies a scrub has found that were not noted to be here, and notes many in one commit.

use crate::crypto::{Key, Version};
use crate::limits::COMMIT_BATCH_MAX;
use crate::node::context::Shared;
use crate::node::owner::local_copy;
use crate::platform::Platform;

/// What one scrub has found and not noted yet. Bounded by [`COMMIT_BATCH_MAX`].
#[derive(Default)]
pub(super) struct Notes {
    found: Vec<(Key, Version)>,
    has_failed: bool,
}

impl Notes {
    /// Takes a good local copy. If a commit has failed, the next scrub finds the copy again.
    pub(super) async fn add<P: Platform>(&mut self, context: &Shared<P>, key: Key, version: Version) {
        if self.has_failed {
            return;
        }
        self.found.push((key, version));
        if self.found.len() >= COMMIT_BATCH_MAX {
            self.save(context).await;
        }
    }

    /// Notes what was found so far.
    pub(super) async fn save<P: Platform>(&mut self, context: &Shared<P>) {
        let found = std::mem::take(&mut self.found);
        if !found.is_empty() {
            self.has_failed = local_copy::note(context, found).await.is_err();
        }
    }
}

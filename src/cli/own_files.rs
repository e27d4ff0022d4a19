//! The files of a node of this process: all of them page by page, and those that a command failed with.

use std::collections::BTreeMap;
use std::fmt::Display;

use dacapo::crypto::Key;
use dacapo::node::{FileInfo, Handle};

use super::control::Failure;
use super::error::CliError;
use super::logging;

/// Failures that are shown one by one.
pub(crate) const FAILURES_SHOWN_MAX: usize = 20;

/// Calls `look` with every file that the node knows, a page at a time.
pub(crate) async fn each_page(handle: &Handle, mut look: impl FnMut(Vec<FileInfo>)) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let page = handle.list(after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        look(page);
    }
}

/// Files that a command failed with, and why.
#[derive(Default)]
pub(crate) struct FailedFiles {
    reasons: BTreeMap<Key, String>,
}

impl FailedFiles {
    pub(crate) fn insert(&mut self, key: Key, error: &impl Display) {
        self.reasons.insert(key, Failure::failed(error).message);
    }

    pub(crate) fn count(&self) -> u64 {
        self.reasons.len() as u64
    }

    /// Tells of the first of them on standard error.
    pub(crate) fn show(&self) {
        for (key, reason) in self.reasons.iter().take(FAILURES_SHOWN_MAX) {
            logging::note(format_args!("{key}: {reason}"));
        }
    }
}

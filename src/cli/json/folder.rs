//! What a command about a folder prints.

use serde::Serialize;

/// What a command about a folder prints: a line for each file that is not as it was, and a summary.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum FolderJson<'a> {
    Step(StepJson<'a>),
    Skipped {
        #[serde(rename = "skipped")]
        name: &'a str,
        reason: String,
    },
    Failed {
        #[serde(rename = "failed")]
        name: &'a str,
        error: String,
    },
    Summary(&'a FolderSummary),
}

/// What was done to one file, or would be.
#[derive(Serialize)]
pub(crate) struct StepJson<'a> {
    pub(crate) key: &'a str,
    pub(crate) action: Action,
    pub(crate) size: u64,
    #[serde(rename = "dry_run", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) would: bool,
}

/// How many files a command about a folder has done what to.
#[derive(Default, Serialize)]
pub(crate) struct FolderSummary {
    pub(crate) stored: u64,
    pub(crate) written: u64,
    pub(crate) deleted: u64,
    /// What was stored or written has so many bytes.
    pub(crate) bytes: u64,
    pub(crate) unchanged: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    /// Stored files that not every connected peer has.
    pub(crate) short: u64,
    /// Files that the command did not come to.
    pub(crate) not_tried: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
}

/// What is done to a file of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    Stored,
    Written,
    Deleted,
}

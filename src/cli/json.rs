//! What `--json` prints of a command itself. What it prints of the node is in the library, where HTTP answers the same.

mod folder;
#[cfg(test)]
mod tests;

use dacapo::crypto::Key;
use dacapo::view::json::ReceiptJson;
use serde::Serialize;

use super::control::FoundFile;
use super::error::CliError;

pub(crate) use folder::{Action, FolderJson, FolderSummary, StepJson};

#[derive(Serialize)]
pub(crate) struct FoundJson<'a> {
    key: &'a str,
    version: u64,
    size: u64,
    /// The peer that it came back from; null if the local copy was good.
    from: Option<String>,
}

/// An error, on standard error.
#[derive(Serialize)]
pub(crate) struct ErrorJson {
    error: String,
    exit_code: u8,
    /// What became of each replica, if the file is at too few peers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<ReceiptJson>,
}

impl<'a> FoundJson<'a> {
    pub(crate) fn new(key: &'a Key, found: &FoundFile) -> Self {
        let from = found.from.map(|peer| peer.to_string());
        Self { key: key.as_str(), version: found.version.0, size: found.size, from }
    }
}

impl ErrorJson {
    pub(crate) fn new(error: &CliError) -> Self {
        Self {
            error: error.full_message(),
            exit_code: error.exit_code(),
            receipts: error.receipts().iter().map(ReceiptJson::from).collect(),
        }
    }
}

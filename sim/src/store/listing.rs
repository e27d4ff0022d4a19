//! What a node lists of its own files, and all that it lists.

use std::time::Duration;

use dacapo::node::{FileInfo, Handle, StatError};
use tokio::time::sleep;

/// How often a node that fetches looks what it has learnt.
const LOOK: Duration = Duration::from_millis(200);

/// Returns all files of a node.
pub(super) async fn list(node: &Handle) -> Result<Vec<FileInfo>, StatError> {
    let mut files: Vec<FileInfo> = Vec::new();
    loop {
        let page = node.list(files.last().map(|file| &file.key)).await?;
        if page.is_empty() {
            return Ok(files);
        }
        files.extend(page);
    }
}

/// Returns what a node lists first.
pub(super) async fn first_page(node: &Handle) -> Result<Vec<FileInfo>, StatError> {
    node.list(None).await
}

/// Gets every file that a node learns of, for as long as it is run.
pub(super) async fn fetch_all(node: Handle) {
    loop {
        for file in list(&node).await.unwrap_or_default().into_iter().filter(|file| !file.is_local) {
            // It is tried again.
            drop(node.get(&file.key).await);
        }
        sleep(LOOK).await;
    }
}

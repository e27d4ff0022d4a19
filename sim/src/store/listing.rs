//! What a node lists of its own files, and all that it lists.

use std::time::Duration;

use dacapo::crypto::Key;
use dacapo::node::{FileInfo, Handle, StatError};
use tokio::time::sleep;

/// How often a node that fetches looks what it has learnt.
const LOOK: Duration = Duration::from_millis(200);

/// Returns all files of a node.
pub(super) async fn list(node: &Handle) -> Result<Vec<FileInfo>, StatError> {
    let mut files = Vec::new();
    each_page(node, "", |page| files.extend(page)).await?;
    Ok(files)
}

/// Takes the files of a node whose keys begin with a prefix, page by page.
pub(super) async fn each_page(
    node: &Handle,
    prefix: &str,
    mut take: impl FnMut(Vec<FileInfo>),
) -> Result<(), StatError> {
    let mut after: Option<Key> = None;
    loop {
        let page = node.list_under(prefix, after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        take(page);
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

//! What a node lists of its own files.

use dacapo::node::{FileInfo, Handle, StatError};

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

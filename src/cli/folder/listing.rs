//! What is stored under a prefix.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dacapo::crypto::KeyError;
use dacapo::folder::Prefix;
use dacapo::limits::KEY_BYTES_MAX;
use dacapo::node::FileInfo;

use super::pool::Pool;
use crate::cli::control::{Answer, Request};
use crate::cli::error::CliError;

/// Reads what keys are to begin with.
pub(in crate::cli) fn prefix(text: &OsStr) -> Result<Prefix, CliError> {
    match std::str::from_utf8(text.as_bytes()) {
        Ok(text) => Ok(Prefix::new(text)?),
        Err(error) => Err(KeyError::NotUtf8 { position: error.valid_up_to() }.into()),
    }
}

/// Calls `look` with every file that the node has and whose key begins with a text, a page at a time.
pub(in crate::cli) async fn each_page(
    data: &Path,
    beginning: &str,
    mut look: impl FnMut(Vec<FileInfo>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    // No key is that long, and the node takes no such request.
    if beginning.len() > KEY_BYTES_MAX {
        return Ok(());
    }
    let pool = Pool::new(data);
    let (mut client, mut answer) = pool.ask(&Request::List { prefix: beginning.to_owned() }, None).await?;
    loop {
        match answer? {
            Answer::Files(page) if page.is_empty() => return Ok(()),
            Answer::Files(page) => look(page)?,
            answer => return Err(CliError::unexpected(answer)),
        }
        answer = client.answer().await;
    }
}

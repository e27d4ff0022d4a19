//! `dacapo ls`, `stat` and `rm`: what the node knows of its files, and deleting local copies.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use serde::Serialize;

use super::arguments::{LsArguments, RmArguments, StatArguments, Verbosity};
use super::control::{Answer, Client, ControlError, FileRow, Request};
use super::error::CliError;
use super::{output, show};

/// Lists page by page, so that a list of any length takes the memory of one page.
pub(crate) async fn list(arguments: &LsArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::List).await?;
    let mut is_first = true;
    loop {
        let page = match client.answer().await? {
            Answer::Files(page) => page,
            Answer::Failed(failure) => return Err(failure.into()),
            _ => return Err(ControlError::Unexpected.into()),
        };
        if page.is_empty() {
            break;
        }
        if is_first && !arguments.json {
            output::line(&format!("{:>10}  {:>7}  {:20}  {:5}  KEY", "SIZE", "VERSION", "STORED", "LOCAL"))?;
        }
        is_first = false;
        for row in page {
            show_row(&row, arguments.json)?;
        }
    }
    if is_first && !arguments.json && !verbosity.quiet {
        eprintln!("no files");
    }
    Ok(())
}

fn show_row(row: &FileRow, is_json: bool) -> Result<(), CliError> {
    if is_json {
        return output::json(&FileJson::from(row));
    }
    let FileRow { key, size, version, stored, is_local, .. } = row;
    let (size, version, stored) = (show::size(*size), version.to_string(), show::time(*stored));
    output::line(&format!("{size:>10}  {version:>7}  {stored:20}  {:5}  {key}", yes(*is_local)))
}

pub(crate) async fn stat(arguments: &StatArguments) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::ask(&arguments.data.dir, &Request::Stat { key: key.clone() }).await?;
    let row = match client.answer().await? {
        Answer::File(row) => row,
        Answer::Failed(failure) => return Err(CliError::File { key, failure }),
        _ => return Err(ControlError::Unexpected.into()),
    };
    if arguments.json {
        return output::json(&FileJson::from(&row));
    }
    let FileRow { key, size, version, stored, digest, is_local } = row;
    output::line(&format!("key      {key}"))?;
    output::line(&format!("size     {}", show::bytes(size)))?;
    output::line(&format!("version  {version}"))?;
    output::line(&format!("stored   {}", show::time(stored)))?;
    output::line(&format!("digest   {digest}"))?;
    output::line(&format!("local    {}", yes(is_local)))
}

pub(crate) async fn remove(arguments: &RmArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let replicas_min = if arguments.force { 0 } else { arguments.min_replicas };
    let request = Request::Remove { key: key.clone(), replicas_min };
    let mut client = Client::ask(&arguments.data.dir, &request).await?;
    match client.answer().await {
        Ok(Answer::Removed) if arguments.json => output::json(&RemovedJson { key: key.as_str(), deleted: true }),
        Ok(Answer::Removed) if verbosity.quiet => Ok(()),
        Ok(Answer::Removed) => output::line(&format!("deleted the local copy of {key}")),
        Ok(Answer::Failed(failure)) => Err(CliError::File { key, failure }),
        Ok(_) => Err(ControlError::Unexpected.into()),
        Err(source) => Err(CliError::PerhapsDeleted { key, source }),
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

#[derive(Serialize)]
struct FileJson<'a> {
    key: &'a str,
    size: u64,
    version: u64,
    stored_unix_ms: u64,
    digest: String,
    local: bool,
}

#[derive(Serialize)]
struct RemovedJson<'a> {
    key: &'a str,
    deleted: bool,
}

impl<'a> From<&'a FileRow> for FileJson<'a> {
    fn from(row: &'a FileRow) -> Self {
        Self {
            key: row.key.as_str(),
            size: row.size,
            version: row.version.0,
            stored_unix_ms: row.stored.0,
            digest: row.digest.to_string(),
            local: row.is_local,
        }
    }
}

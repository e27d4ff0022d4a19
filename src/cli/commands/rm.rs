//! `dacapo rm`: deletes the local copy of a file, or the file at every peer too.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use dacapo::view::json::{DeletedEverywhereJson, DeletedJson};

use crate::cli::arguments::{RmArguments, Verbosity};
use crate::cli::control::{Answer, Client, ControlError, Request};
use crate::cli::error::CliError;
use crate::cli::{folder, output, receipts};

pub(crate) async fn run(arguments: &RmArguments, verbosity: Verbosity) -> Result<(), CliError> {
    if arguments.recursive {
        return folder::remove(arguments, verbosity).await;
    }
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let (done, deleted) = match arguments.everywhere {
        true => (format!("{key}: the file is deleted"), delete_everywhere(arguments, verbosity, key).await),
        false => (format!("{key}: the local copy is deleted"), remove(arguments, verbosity, key).await),
    };
    deleted.map_err(CliError::after(done))
}

/// Deletes the local copy.
async fn remove(arguments: &RmArguments, verbosity: Verbosity, key: Key) -> Result<(), CliError> {
    let replicas_min = if arguments.force { 0 } else { arguments.min_replicas };
    let request = Request::Remove { key: key.clone(), replicas_min };
    match ask(arguments, &request, &key).await? {
        Answer::Removed if arguments.json => output::json(&DeletedJson::new(&key)),
        Answer::Removed if verbosity.quiet => Ok(()),
        Answer::Removed => output::line(&format!("deleted the local copy of {key}")),
        answer => Err(CliError::unexpected_about(key, answer)),
    }
}

/// Deletes the file here and at every peer.
async fn delete_everywhere(arguments: &RmArguments, verbosity: Verbosity, key: Key) -> Result<(), CliError> {
    let request = Request::DeleteEverywhere { key: key.clone(), version: None };
    let (done, away) = match ask(arguments, &request, &key).await? {
        Answer::DeletedEverywhere { receipts, away } => (receipts, away),
        answer => return Err(CliError::unexpected_about(key, answer)),
    };
    if arguments.json {
        return output::json(&DeletedEverywhereJson::new(&key, &done, away));
    }
    receipts::warn_of(&done);
    if verbosity.quiet {
        return Ok(());
    }
    let told = match done.is_empty() {
        true => format!("deleted {key} here; {}", receipts::in_words(&done, away)),
        false => format!("deleted {key} here and at {}", receipts::in_words(&done, away)),
    };
    output::line(&told)
}

/// Asks the node. Once the request is sent, the file is perhaps deleted whether the answer arrives or not.
async fn ask(arguments: &RmArguments, request: &Request, key: &Key) -> Result<Answer, CliError> {
    let mut client = Client::ask(&arguments.data.dir, request).await?;
    let perhaps = |source: ControlError| CliError::PerhapsDeleted { key: key.clone(), source };
    client.answer().await.map_err(perhaps)
}

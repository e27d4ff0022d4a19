//! `dacapo put`: sends a file to the node, and shows what became of it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::node::Stored;

use crate::cli::arguments::{PutArguments, Verbosity};
use crate::cli::control::{Client, ControlError};
use crate::cli::error::CliError;
use crate::cli::progress::Meter;
use crate::cli::runtime::Signals;
use crate::cli::source::{self, Source};
use crate::cli::{folder, output, receipts};
use dacapo::view::json::StoredJson;
use dacapo::view::show;

pub(crate) async fn run(arguments: &PutArguments, verbosity: Verbosity) -> Result<(), CliError> {
    if arguments.recursive {
        return folder::put(arguments, verbosity).await;
    }
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut signals = Signals::new()?;
    let begun = tokio::select! {
        biased;
        () = signals.next() => Err(CliError::NotStored { key: key.clone(), source: ControlError::Interrupted }),
        begun = begin(arguments) => begun,
    };
    let (source, mut client) = begun?;
    let meter = Meter::new(verbosity, "sending", source.size());
    let stored = source::store(&mut client, &key, source, &meter, signals.next()).await?;
    drop(meter);
    let done = format!("{key}: the file is stored as {}", stored.version);
    show_stored(arguments, verbosity, &key, &stored).map_err(CliError::after(done))
}

/// Opens the source of the content, and connects with the node.
async fn begin(arguments: &PutArguments) -> Result<(Source, Client), CliError> {
    let source = match arguments.command.as_slice() {
        [program, words @ ..] => Source::run(program, words, arguments.allow_empty)?,
        [] => Source::open(arguments.file.as_deref().unwrap_or(Path::new("-")), arguments.allow_empty).await?,
    };
    Ok((source, Client::connect(&arguments.data.dir).await?))
}

fn show_stored(arguments: &PutArguments, verbosity: Verbosity, key: &Key, stored: &Stored) -> Result<(), CliError> {
    let wanted = usize::try_from(arguments.min_replicas).unwrap_or(usize::MAX);
    if let Err(error) = stored.clone().at_least(wanted) {
        let receipts = stored.receipts.clone();
        return Err(CliError::TooFewReplicas { key: key.clone(), reason: error.to_string(), receipts });
    }
    if arguments.json {
        return output::json(&StoredJson::new(key, stored));
    }
    receipts::warn_of(&stored.receipts);
    if verbosity.quiet {
        return Ok(());
    }
    let Stored { version, size, receipts, away } = stored;
    let peers = receipts::in_words(receipts, *away);
    output::line(&format!("stored {key} {version}, {}, {peers}", show::bytes(*size)))
}

//! `dacapo put`: sends a file to the node, and shows what became of it.

mod source;

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::Stored;

use crate::cli::arguments::{PutArguments, Verbosity};
use crate::cli::control::{Answer, Client, ControlError, Request};
use crate::cli::error::CliError;
use crate::cli::json::StoredJson;
use crate::cli::progress::Meter;
use crate::cli::{output, receipts, show};
use source::Source;

pub(crate) async fn run(arguments: &PutArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut source = Source::open(arguments).await?;
    let request = Request::Put { key: key.clone(), size: source.size, attributes: source.attributes };
    let mut client = Client::ask(&arguments.data.dir, &request).await?;
    let meter = Meter::new(verbosity, "sending", source.size);
    let not_stored = |source| CliError::NotStored { key: key.clone(), source };
    let answer = match send(&mut client, &mut source, &meter).await? {
        Ok(()) => {
            meter.say("waiting for the peers");
            // From the end of the content on, the node may store it whether its answer arrives or not.
            client.answer().await.map_err(|source| CliError::PerhapsStored { key: key.clone(), source })?
        }
        // A node that takes no more has said why. It stores no content that did not end.
        Err(error) => {
            let answer = client.answer().await;
            // A file that has grown is longer than what was announced.
            source.is_unchanged()?;
            answer.map_err(|_| not_stored(error))?
        }
    };
    drop(meter);
    match answer {
        Answer::Stored(stored) => {
            let done = format!("{key}: the file is stored as {}", stored.version);
            show_stored(arguments, verbosity, &key, &stored).map_err(CliError::after(done))
        }
        Answer::Failed(failure) => Err(CliError::File { key, failure }),
        _ => Err(CliError::PerhapsStored { key, source: ControlError::Unexpected }),
    }
}

/// Sends all of the content, and its end if the source confirms what was read: a node stores nothing without the end.
/// The outer error comes from the source, the inner one from sending.
async fn send(client: &mut Client, source: &mut Source, meter: &Meter) -> Result<Result<(), ControlError>, CliError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut sent = 0;
    loop {
        let count = source.read(&mut chunk)?;
        if count == 0 {
            source.confirm(sent)?;
        }
        if let Err(error) = client.send(&chunk[..count]).await {
            return Ok(Err(error));
        }
        if count == 0 {
            return Ok(Ok(()));
        }
        sent += count as u64;
        meter.add(count);
    }
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

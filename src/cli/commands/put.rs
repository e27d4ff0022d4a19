//! `dacapo put`: sends a file to the node, and shows what became of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::Stored;

use crate::cli::arguments::{PutArguments, Verbosity};
use crate::cli::control::{Answer, Client, ControlError, Request};
use crate::cli::error::CliError;
use crate::cli::json::StoredJson;
use crate::cli::progress::Meter;
use crate::cli::{output, receipts, show};

/// The source of the content.
struct Input {
    reader: Box<dyn Read>,
    size: Option<u64>,
}

pub(crate) async fn run(arguments: &PutArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut input = open(&arguments.file)?;
    let request = Request::Put { key: key.clone(), size: input.size, replicas_min: arguments.min_replicas };
    let mut client = Client::ask(&arguments.data.dir, &request).await?;
    let meter = Meter::new(verbosity, "sending", input.size);
    let not_stored = |source| CliError::NotStored { key: key.clone(), source };
    let answer = match send(&mut client, &mut input, arguments, &meter).await? {
        Ok(()) => {
            meter.say("waiting for the peers");
            // From the end of the content on, the node may store it whether its answer arrives or not.
            client.answer().await.map_err(|source| CliError::PerhapsStored { key: key.clone(), source })?
        }
        // A node that takes no more has said why. It stores no content that did not end.
        Err(error) => client.answer().await.map_err(|_| not_stored(error))?,
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

fn open(path: &Path) -> Result<Input, CliError> {
    if path == Path::new("-") {
        return Ok(Input { reader: Box::new(io::stdin()), size: None });
    }
    let failed = |source| CliError::Input { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(CliError::IsADirectory { path: path.to_owned() });
    }
    // The files of /proc are regular, say that they are empty, and are not.
    let size = (metadata.is_file() && metadata.len() > 0).then_some(metadata.len());
    Ok(Input { reader: Box::new(file), size })
}

/// Sends all of the content. The outer error comes from reading it, the inner one from sending it.
async fn send(
    client: &mut Client,
    input: &mut Input,
    arguments: &PutArguments,
    meter: &Meter,
) -> Result<Result<(), ControlError>, CliError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match input.reader.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result.map_err(|source| CliError::Input { path: arguments.file.clone(), source })?,
        };
        if let Err(error) = client.send(&chunk[..count]).await {
            return Ok(Err(error));
        }
        if count == 0 {
            return Ok(Ok(()));
        }
        meter.add(count);
    }
}

fn show_stored(arguments: &PutArguments, verbosity: Verbosity, key: &Key, stored: &Stored) -> Result<(), CliError> {
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

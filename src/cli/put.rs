//! `dacapo put`: sends a file to the node and shows what became of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::limits::CHUNK_BYTES;
use serde::Serialize;

use super::arguments::{PutArguments, Verbosity};
use super::control::{Answer, Client, ControlError, Outcome, ReceiptRow, Request};
use super::error::CliError;
use super::progress::Progress;
use super::{output, show};

/// Where the content comes from.
struct Input {
    reader: Box<dyn Read>,
    size: Option<u64>,
}

pub(crate) async fn run(arguments: &PutArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut input = open(&arguments.file)?;
    let request = Request::Put { key: key.clone(), size: input.size, replicas_min: arguments.min_replicas };
    let mut client = Client::ask(&arguments.data.dir, &request).await?;
    let progress = Progress::new(verbosity, "sending", input.size);
    let not_stored = |source| CliError::NotStored { key: key.clone(), source };
    let answer = match send(&mut client, &mut input, arguments, &progress).await? {
        Ok(()) => {
            progress.say("waiting for the peers");
            // From the end of the content on, the node may store it whether its answer arrives or not.
            client.answer().await.map_err(|source| CliError::PerhapsStored { key: key.clone(), source })?
        }
        // A node that takes no more has said why. It stores nothing that did not end.
        Err(error) => client.answer().await.map_err(|_| not_stored(error))?,
    };
    drop(progress);
    match answer {
        Answer::Stored { version, size, receipts, away } => {
            show_stored(arguments, verbosity, &key, StoredRow { version: version.0, size, receipts, away })
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

/// Sends all of the content. The outer error is that of reading it, the inner one that of sending it.
async fn send(
    client: &mut Client,
    input: &mut Input,
    arguments: &PutArguments,
    progress: &Progress,
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
        progress.add(count);
    }
}

struct StoredRow {
    version: u64,
    size: u64,
    receipts: Vec<ReceiptRow>,
    away: u32,
}

#[derive(Serialize)]
struct StoredJson<'a> {
    key: &'a str,
    version: u64,
    size: u64,
    replicas: usize,
    receipts: Vec<ReceiptJson<'a>>,
    away: u32,
}

#[derive(Serialize)]
pub(super) struct ReceiptJson<'a> {
    peer: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

fn show_stored(arguments: &PutArguments, verbosity: Verbosity, key: &Key, stored: StoredRow) -> Result<(), CliError> {
    let StoredRow { version, size, receipts, away } = stored;
    if arguments.json {
        let replicas = count_done(&receipts);
        let receipts = receipts.iter().map(ReceiptJson::from).collect();
        return output::json(&StoredJson { key: key.as_str(), version, size, replicas, receipts, away });
    }
    warn_of(&receipts);
    if verbosity.quiet {
        return Ok(());
    }
    output::line(&format!("stored {key} v{version}, {}, {}", show::bytes(size), peers(&receipts, away)))
}

/// How many peers have done it.
pub(super) fn count_done(receipts: &[ReceiptRow]) -> usize {
    receipts.iter().filter(|receipt| receipt.outcome.is_stored()).count()
}

/// Says which peers have not done it, and why.
pub(super) fn warn_of(receipts: &[ReceiptRow]) {
    for receipt in receipts.iter().filter(|receipt| !receipt.outcome.is_stored()) {
        eprintln!("warning: peer {}: {}", receipt.peer.short(), receipt.reason);
    }
}

/// How many peers have done it, in words, and how many are away.
pub(super) fn peers(receipts: &[ReceiptRow], away: u32) -> String {
    let done = match receipts.len() {
        0 => "no peer is connected".to_owned(),
        all => format!("{} of {}", count_done(receipts), show::count(all as u64, "peer")),
    };
    if away == 0 { done } else { format!("{done}, {away} away") }
}

impl<'a> From<&'a ReceiptRow> for ReceiptJson<'a> {
    fn from(row: &'a ReceiptRow) -> Self {
        Self { peer: row.peer.to_string(), outcome: row.outcome, reason: &row.reason }
    }
}

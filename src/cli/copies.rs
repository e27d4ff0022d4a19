//! `dacapo whereis`, `rm --everywhere` and `scrub`: the copies of files.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use serde::Serialize;

use super::arguments::{RmArguments, ScrubArguments, Verbosity, WhereisArguments};
use super::control::{Answer, Client, ControlError, HolderRow, HolderState, Request, ScrubRow};
use super::error::CliError;
use super::progress::Progress;
use super::put::{ReceiptJson, count_done, peers, warn_of};
use super::{output, show};

/// Shows what each known peer has of a file.
pub(crate) async fn whereis(arguments: &WhereisArguments) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::ask(&arguments.data.dir, &Request::Whereis { key: key.clone() }).await?;
    let holders = match client.answer().await? {
        Answer::Holders(holders) => holders,
        Answer::Failed(failure) => return Err(CliError::File { key, failure }),
        _ => return Err(ControlError::Unexpected.into()),
    };
    if arguments.json {
        return holders.iter().try_for_each(|row| output::json(&HolderJson::from(row)));
    }
    if holders.is_empty() {
        eprintln!("no peers");
        return Ok(());
    }
    output::line(&format!("{:8}  {:7}  {:20}  NOTE", "PEER", "HOLDS", "VERIFIED"))?;
    for HolderRow { peer, state, verified, note } in &holders {
        let peer = peer.map_or("unknown".to_owned(), |peer| peer.short());
        let verified = verified.map_or(String::new(), show::time);
        output::line(format!("{peer:8}  {:7}  {verified:20}  {note}", state_name(*state)).trim_end())?;
    }
    Ok(())
}

/// Deletes a file here and at every peer.
pub(crate) async fn erase(arguments: &RmArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::ask(&arguments.data.dir, &Request::Erase { key: key.clone() }).await?;
    let (receipts, away) = match client.answer().await {
        Ok(Answer::Erased { receipts, away }) => (receipts, away),
        Ok(Answer::Failed(failure)) => return Err(CliError::File { key, failure }),
        Ok(_) => return Err(ControlError::Unexpected.into()),
        Err(source) => return Err(CliError::PerhapsDeleted { key, source }),
    };
    if arguments.json {
        let peers = count_done(&receipts);
        let receipts = receipts.iter().map(ReceiptJson::from).collect();
        return output::json(&ErasedJson { key: key.as_str(), deleted: true, peers, receipts, away });
    }
    warn_of(&receipts);
    if verbosity.quiet {
        return Ok(());
    }
    output::line(&format!("deleted {key} here and at {}", peers(&receipts, away)))
}

/// Compares every copy on the node's disk with what was stored.
pub(crate) async fn scrub(arguments: &ScrubArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Scrub).await?;
    let progress = Progress::new(verbosity, "scrubbing", None);
    let mut before = 0;
    let scrubbed = loop {
        match client.answer().await? {
            Answer::Scrubbing(so_far) => {
                progress.add(usize::try_from(so_far.bytes.saturating_sub(before)).unwrap_or(usize::MAX));
                before = so_far.bytes;
            }
            Answer::Scrubbed(scrubbed) => break scrubbed,
            Answer::Failed(failure) => return Err(failure.into()),
            _ => return Err(ControlError::Unexpected.into()),
        }
    };
    drop(progress);
    if arguments.json {
        output::json(&scrubbed)?;
    } else if !verbosity.quiet {
        let ScrubRow { checked, bytes, damaged, restored, .. } = scrubbed;
        let (files, bytes) = (show::count(checked, "file"), show::bytes(bytes));
        let found = match damaged {
            0 => "nothing is damaged".to_owned(),
            _ => format!("{damaged} damaged and set aside, {restored} of them fetched again"),
        };
        output::line(&format!("scrubbed {files}, {bytes}: {found}"))?;
    }
    match scrubbed.failed {
        0 => Ok(()),
        failed => Err(CliError::Unread { failed }),
    }
}

fn state_name(state: HolderState) -> &'static str {
    match state {
        HolderState::Current => "current",
        HolderState::Older => "older",
        HolderState::Nothing => "nothing",
        HolderState::Damaged => "damaged",
        HolderState::Unknown => "unknown",
        HolderState::Away => "away",
    }
}

#[derive(Serialize)]
struct HolderJson<'a> {
    peer: Option<String>,
    holds: HolderState,
    verified_unix_ms: Option<u64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize)]
struct ErasedJson<'a> {
    key: &'a str,
    deleted: bool,
    peers: usize,
    receipts: Vec<ReceiptJson<'a>>,
    away: u32,
}

impl<'a> From<&'a HolderRow> for HolderJson<'a> {
    fn from(row: &'a HolderRow) -> Self {
        Self {
            peer: row.peer.map(|peer| peer.to_string()),
            holds: row.state,
            verified_unix_ms: row.verified.map(|verified| verified.0),
            note: &row.note,
        }
    }
}

//! `dacapo peers`, what changes the list of members, and `stop`.

use std::path::Path;

use dacapo::crypto::NodeId;
use dacapo::disk::dir::DirDisk;
use dacapo::membership::{MemberChange, Members};
use serde::Serialize;

use super::arguments::{IdArguments, PeersAction, PeersArguments, StopArguments, Verbosity};
use super::control::{Answer, Client, ControlError, PeerRow, Request};
use super::error::CliError;
use super::{output, show};

/// So many digits of an id name a peer, where no other begins with them.
const ID_DIGITS_MIN: usize = 6;

pub(crate) async fn run(arguments: &PeersArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let (data, change) = match &arguments.action {
        None => {
            let dir = arguments.dir.as_ref().expect("the parser asks for it where there is no action");
            return list(dir, arguments.json, verbosity).await;
        }
        Some(PeersAction::Forget(IdArguments { data, id })) => (data, MemberChange::Forget(find(&data.dir, id).await?)),
        Some(PeersAction::Allow(IdArguments { data, id })) => (data, MemberChange::Allow(find(&data.dir, id).await?)),
        Some(PeersAction::Lock(data)) => (data, MemberChange::Lock),
        Some(PeersAction::Unlock(data)) => (data, MemberChange::Unlock),
    };
    change_members(&data.dir, change).await
}

async fn list(data: &Path, as_json: bool, verbosity: Verbosity) -> Result<(), CliError> {
    let peers = rows(data).await?;
    if as_json {
        return peers.iter().try_for_each(|row| output::json(&PeerJson::from(row)));
    }
    if peers.is_empty() {
        if !verbosity.quiet {
            eprintln!("no peers");
        }
        return Ok(());
    }
    output::line(&format!(
        "{:8}  {:9}  {:7}  {:>9}  {:>10}  {:>7}  ADDRESS",
        "PEER", "STATE", "FILES", "HELD HERE", "SIZE", "REFUSED"
    ))?;
    for row in &peers {
        let peer = row.peer.map_or("unknown".to_owned(), |peer| peer.short());
        let state = match (row.is_forgotten, row.is_connected) {
            (true, _) => "forgotten",
            (false, true) => "connected",
            (false, false) => "away",
        };
        let files = match row.is_current.filter(|_| row.is_connected) {
            Some(true) => "current",
            Some(false) => "behind",
            None => "unknown",
        };
        let address = row.address.as_deref().unwrap_or(if row.is_forgotten { "-" } else { "cannot be dialled" });
        let refused = row.refused;
        let (held, size) =
            row.held.map_or(("?".to_owned(), "?".to_owned()), |(files, bytes)| (files.to_string(), show::size(bytes)));
        output::line(&format!("{peer:8}  {state:9}  {files:7}  {held:>9}  {size:>10}  {refused:>7}  {address}"))?;
    }
    Ok(())
}

async fn rows(data: &Path) -> Result<Vec<PeerRow>, CliError> {
    let mut client = Client::ask(data, &Request::Peers).await?;
    match client.answer().await? {
        Answer::Peers(peers) => Ok(peers),
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err(ControlError::Unexpected.into()),
    }
}

/// Through the node, where one runs: it is then in force at once. Else in the data directory.
async fn change_members(data: &Path, change: MemberChange) -> Result<(), CliError> {
    let mut client = match Client::ask(data, &Request::Members { change }).await {
        // Only a node that runs knows who its peers are.
        Err(CliError::NoNode { .. }) if data.exists() && change != MemberChange::Lock => {
            let disk = DirDisk::open(data)?;
            let mut members = Members::load(&disk)?;
            members.change(change)?;
            return Ok(members.save(&disk)?);
        }
        asked => asked?,
    };
    match client.answer().await? {
        Answer::MembersChanged => Ok(()),
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err(ControlError::Unexpected.into()),
    }
}

/// The peer that an id names, or the first digits of an id where a node runs that knows it.
async fn find(data: &Path, text: &str) -> Result<NodeId, CliError> {
    let error = match text.parse() {
        Ok(id) => return Ok(id),
        Err(error) => CliError::Id(format!("{error}")),
    };
    let is_short = (ID_DIGITS_MIN..64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_short {
        return Err(error);
    }
    let known = rows(data).await?.into_iter().filter_map(|row| row.peer);
    let found: Vec<_> = known.filter(|id| id.to_string().starts_with(text)).collect();
    match found[..] {
        [id] => Ok(id),
        [] => Err(CliError::Id(format!("no peer begins with {text}; an id that the node does not know has 64 digits"))),
        _ => Err(CliError::Id(format!("{} peers begin with {text}", found.len()))),
    }
}

/// Returns when the node has stopped and its data directory is closed.
pub(crate) async fn stop(arguments: &StopArguments) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Stop).await?;
    match client.answer().await? {
        Answer::Stopped => Ok(()),
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err(ControlError::Unexpected.into()),
    }
}

#[derive(Serialize)]
struct PeerJson<'a> {
    peer: Option<String>,
    address: Option<&'a str>,
    connected: bool,
    forgotten: bool,
    current: Option<bool>,
    held_files: Option<u64>,
    held_bytes: Option<u64>,
    refused: u64,
}

impl<'a> From<&'a PeerRow> for PeerJson<'a> {
    fn from(row: &'a PeerRow) -> Self {
        Self {
            peer: row.peer.map(|peer| peer.to_string()),
            address: row.address.as_deref(),
            connected: row.is_connected,
            forgotten: row.is_forgotten,
            current: row.is_current.filter(|_| row.is_connected),
            held_files: row.held.map(|(files, _)| files),
            held_bytes: row.held.map(|(_, bytes)| bytes),
            refused: row.refused,
        }
    }
}

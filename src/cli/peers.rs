//! `dacapo peers` and `stop`.

use serde::Serialize;

use super::arguments::{QueryArguments, StopArguments, Verbosity};
use super::control::{Answer, Client, ControlError, PeerRow, Request};
use super::error::CliError;
use super::output;

pub(crate) async fn list(arguments: &QueryArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Peers).await?;
    let peers = match client.answer().await? {
        Answer::Peers(peers) => peers,
        Answer::Failed(failure) => return Err(failure.into()),
        _ => return Err(ControlError::Unexpected.into()),
    };
    if arguments.json {
        return peers.iter().try_for_each(|row| output::json(&PeerJson::from(row)));
    }
    if peers.is_empty() {
        if !verbosity.quiet {
            eprintln!("no peers");
        }
        return Ok(());
    }
    output::line(&format!("{:8}  {:9}  {:7}  ADDRESS", "PEER", "STATE", "FILES"))?;
    for PeerRow { peer, address, is_connected, is_current } in &peers {
        let peer = peer.map_or("unknown".to_owned(), |peer| peer.short());
        let state = if *is_connected { "connected" } else { "away" };
        let files = match is_current.filter(|_| *is_connected) {
            Some(true) => "current",
            Some(false) => "behind",
            None => "unknown",
        };
        output::line(&format!(
            "{peer:8}  {state:9}  {files:7}  {}",
            address.as_deref().unwrap_or("cannot be dialled")
        ))?;
    }
    Ok(())
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
    current: Option<bool>,
}

impl<'a> From<&'a PeerRow> for PeerJson<'a> {
    fn from(row: &'a PeerRow) -> Self {
        Self {
            peer: row.peer.map(|peer| peer.to_string()),
            address: row.address.as_deref(),
            connected: row.is_connected,
            current: row.is_current.filter(|_| row.is_connected),
        }
    }
}

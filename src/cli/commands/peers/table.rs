//! The table of peers, and of nodes that are kept out, which come last.

use std::path::Path;

use dacapo::crypto::NodeId;
use dacapo::node::PeerInfo;
use dacapo::store::Usage;
use dacapo::view::json::PeerJson;
use dacapo::view::{KnownPeers, attention, show};

use crate::cli::arguments::Verbosity;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::{logging, output};

/// Asks the node for its peers.
pub(super) async fn ask(data: &Path) -> Result<KnownPeers, CliError> {
    let mut client = Client::ask(data, &Request::Peers).await?;
    match client.answer().await? {
        Answer::Peers(known) => Ok(known),
        answer => Err(CliError::unexpected(answer)),
    }
}

pub(super) async fn show(data: &Path, is_json: bool, verbosity: Verbosity) -> Result<(), CliError> {
    let known = ask(data).await?;
    if is_json {
        return PeerJson::all(&known).iter().try_for_each(output::json);
    }
    let (warnings, refusals) = (attention::sentences(&known), attention::refusals(&known));
    let KnownPeers { peers, forgotten, remembered, held, .. } = known;
    let held = |node: &NodeId| held.get(node);
    let peers = peers.iter().map(|info| (info, info.peer.as_ref().and_then(held)));
    let forgotten = forgotten.iter().map(|node| (node, "forgotten"));
    let kept_out = forgotten.chain(remembered.locked_out.iter().map(|node| (node, "locked out")));
    if !verbosity.quiet {
        warnings.iter().for_each(logging::note);
    }
    let known = peers.map(|(info, held)| known_line(info, held));
    let kept_out = kept_out.map(|(node, state)| line(&node.short(), state, "unknown", held(node), 0, "-"));
    let mut lines = known.chain(kept_out).peekable();
    if lines.peek().is_none() {
        if !verbosity.quiet {
            logging::note("no peers");
        }
        return Ok(());
    }
    output::line(&format!(
        "{:8}  {:10}  {:7}  {:>9}  {:>10}  {:>7}  ADDRESS",
        "PEER", "STATE", "FILES", "HELD HERE", "SIZE", "REFUSED"
    ))?;
    lines.try_for_each(|line| output::line(&line))?;
    refusals.iter().try_for_each(|line| output::line(line))
}

fn known_line(info: &PeerInfo, held: Option<&Usage>) -> String {
    let peer = info.peer.map_or("unknown".to_owned(), |peer| peer.short());
    let state = match info {
        PeerInfo { is_connected: false, .. } => "away",
        PeerInfo { has_twin: true, .. } => "twice",
        PeerInfo { is_slow: true, .. } => "slow",
        _ => "connected",
    };
    let files = match info.is_current() {
        Some(true) => "current",
        Some(false) => "behind",
        None => "unknown",
    };
    let address = info.address.as_ref().map_or("cannot be dialled".to_owned(), ToString::to_string);
    let address = match &info.not_reached_at {
        Some(before) => format!("{address} (not {before})"),
        None => address,
    };
    line(&peer, state, files, held, info.refused, &address)
}

fn line(peer: &str, state: &str, files: &str, held: Option<&Usage>, refused: u64, address: &str) -> String {
    let unknown = || ("?".to_owned(), "?".to_owned());
    let (held, size) = held.map_or_else(unknown, |held| (held.files.to_string(), show::size(held.bytes)));
    format!("{peer:8}  {state:10}  {files:7}  {held:>9}  {size:>10}  {refused:>7}  {address}")
}

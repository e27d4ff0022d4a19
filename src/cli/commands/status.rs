//! `dacapo status`: shows how the node is, and what it needs.

use std::net::SocketAddr;

use dacapo::crypto::NodeId;
use dacapo::node::Status;
use dacapo::view::json::StatusJson;
use dacapo::view::{KnownPeers, PeerCounts, attention, show};

use crate::cli::arguments::StatusArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::space::Space;

pub(crate) async fn run(arguments: &StatusArguments) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Status).await?;
    let (address, node, status, known) = match client.answer().await? {
        Answer::Status { address, node, status, known } => (address, node, status, known),
        answer => return Err(CliError::unexpected(answer)),
    };
    let mut attention = attention::all(&known);
    if let Ok(space) = Space::of(&arguments.data.dir)
        && space.is_none()
    {
        let told = "the disk is nearly full, and files may be refused, of this node and of its peers";
        attention.push(format!("{told}: {space}"));
    }
    if arguments.json {
        return output::json(&StatusJson::new(node, address, &status, &known, attention));
    }
    rows(node, address, &status, &known)
        .into_iter()
        .map(|(name, value)| format!("{name:8}  {value}"))
        .chain(attention)
        .try_for_each(|line| output::line(&line))
}

fn rows(node: NodeId, address: SocketAddr, status: &Status, known: &KnownPeers) -> Vec<(&'static str, String)> {
    let PeerCounts { connected, behind, away, .. } = known.counts();
    let Status { files, deleted, owners, held, last_scrub, load, .. } = status;
    vec![
        ("node", node.to_string()),
        ("listens", address.to_string()),
        ("peers", format!("{connected} connected, {behind} of them behind; {away} away")),
        ("files", format!("{files}; {deleted} deleted everywhere")),
        (
            "holds",
            format!(
                "{}, {}, for {}",
                show::count(held.files, "file"),
                show::bytes(held.bytes),
                show::count(*owners, "node")
            ),
        ),
        (
            "busy",
            format!(
                "{}, {} with peers, {} of theirs",
                show::count(load.calls as u64, "call"),
                show::count(load.exchanges as u64, "exchange"),
                show::count(load.connections as u64, "connection"),
            ),
        ),
        ("scrubbed", last_scrub.map_or("never to the end".to_owned(), show::time)),
    ]
}

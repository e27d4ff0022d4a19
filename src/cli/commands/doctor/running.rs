//! The node that runs on a data directory, its port and its peers; if none runs, whether they could be reached.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use dacapo::disk::dir::{DirDisk, DirDiskError};
use dacapo::node::{PeerInfo, Status};
use dacapo::store::Setup;
use dacapo::transport::tcp::Tcp;
use dacapo::transport::{Address, Transport};
use dacapo::view::{KnownPeers, attention, show};
use tokio::time::timeout;

use super::finding::{Finding, ago, days_since, option};
use crate::cli::control::{Answer, Client, ConnectError, Request};
use crate::cli::error::CliError;
use crate::cli::secret;

const NODE: &str = "node";
const PORT: &str = "port";
const PEERS: &str = "peers";
const SCRUB: &str = "scrub";

/// How long a peer may take to be reached. Chosen: several round trips around the world.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A scrub that ended longer ago is worth a new one. Chosen: a month, as file systems of servers are scrubbed.
const SCRUB_DAYS_MAX: u64 = 30;

pub(super) async fn look(data: &Path, listen: Option<&Address>, peers: &[Address]) -> Vec<Finding> {
    match status(data).await {
        Ok((address, status, known)) => {
            let mut findings = vec![Finding::ok(NODE, format!("runs, and has {}", show::count(status.files, "file")))];
            findings.push(port_of_running(address));
            findings.extend(peers_of_running(data, &known));
            findings.push(scrub(data, &status));
            findings
        }
        Err(CliError::Connect(ConnectError::NoNode { .. })) => {
            let disk = DirDisk::open(data);
            if let Err(DirDiskError::InUse { .. }) = disk {
                let found = "a node starts or stops here, or another command works on the directory";
                return vec![Finding::warn(NODE, found, "wait for it, and ask again")];
            }
            let mut findings = vec![at_rest(data, disk.ok())];
            if let Some(address) = listen {
                findings.push(free(address).await);
            }
            findings.extend(reachable(data, peers).await);
            findings
        }
        Err(error) => vec![Finding::fail(
            NODE,
            error.full_message(),
            format!("look into its log; `dacapo stop {}`, and start it", option(data)),
        )],
    }
}

/// Tells how a node can be started on a directory.
fn at_rest(data: &Path, disk: Option<DirDisk>) -> Finding {
    match disk.map(|disk| Setup::read(&disk)) {
        Some(Ok(Setup::Converting { from, to })) => {
            let found = format!("no node is running, and the conversion to the layout {to} was interrupted");
            let option = option(data);
            let advice =
                format!("`dacapo convert {option} --layout {to}` goes on with it, `--layout {from}` turns it back");
            return Finding::fail(NODE, found, advice);
        }
        Some(Err(error)) => {
            let advice = "write the file layout anew, with the layout that the directory has had, and start the node";
            return Finding::fail(NODE, format!("no node is running, and none starts: {error}"), advice);
        }
        Some(Ok(Setup::Settled(_))) | None => {}
    }
    let advice = format!("`dacapo node {}` runs it; a service starts it with the machine", option(data));
    Finding::fail(NODE, "no node is running on this directory", advice)
}

async fn status(data: &Path) -> Result<(SocketAddr, Status, KnownPeers), CliError> {
    let mut client = Client::ask(data, &Request::Status).await?;
    match client.answer().await? {
        Answer::Status { address, status, known, .. } => Ok((address, *status, known)),
        answer => Err(CliError::unexpected(answer)),
    }
}

fn port_of_running(address: SocketAddr) -> Finding {
    if address.ip().is_loopback() {
        let advice = "to be dialled by other machines, give --listen 0.0.0.0:PORT or an address of this machine";
        return Finding::warn(PORT, format!("only this machine reaches {address}"), advice);
    }
    Finding::ok(PORT, format!("listens at {address}"))
}

fn peers_of_running(data: &Path, known: &KnownPeers) -> Vec<Finding> {
    let (counts, option) = (known.counts(), option(data));
    // What a peer does not take has a line of its own.
    let refuses = |peer: &PeerInfo| peer.peer.is_some_and(|node| known.refusing.contains_key(&node));
    let is_behind = |peer: &PeerInfo| peer.is_current() == Some(false) && !refuses(peer);
    let mut findings = Vec::new();
    if counts.connected == 0 {
        let advice = format!(
            "`dacapo invite {option}` and `dacapo join` elsewhere make a peer; `dacapo peers {option}` shows all"
        );
        findings.push(Finding::fail(PEERS, "none is connected: what is stored now is on this disk alone", advice));
    } else if known.peers.iter().any(|peer| !peer.is_connected || is_behind(peer)) {
        let found = format!("{} connected, {} of them behind; {} away", counts.connected, counts.behind, counts.away);
        let away: Vec<_> = known.peers.iter().filter(|peer| !peer.is_connected).map(named).collect();
        let advice = match away.is_empty() {
            true => format!("wait: repair sends them what they lack, and `dacapo peers {option}` shows how far it is"),
            false => format!("look after {}; who is gone for good: `dacapo peers forget {option} ID`", away.join(", ")),
        };
        findings.push(Finding::warn(PEERS, found, advice));
    } else if known.refusing.is_empty() {
        findings.push(Finding::ok(PEERS, format!("{} connected, and none lacks a file", counts.connected)));
    }
    let fail = |advice: String| move |sentence| Finding::fail(PEERS, sentence, advice.clone());
    let more = format!("`dacapo peers {option}` shows more");
    let refused = attention::refusals(known).into_iter();
    findings.extend(refused.map(fail(format!("change that there, or store less; {more}"))));
    findings.extend(attention::sentences(known).into_iter().map(fail(more)));
    findings
}

fn named(peer: &PeerInfo) -> String {
    match (&peer.peer, &peer.address) {
        (Some(node), Some(address)) => format!("{} at {address}", node.short()),
        (Some(node), None) => node.short(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "a peer".to_owned(),
    }
}

fn scrub(data: &Path, status: &Status) -> Finding {
    let advice = format!(
        "`dacapo scrub {}` compares every copy on this disk with what was stored; a running node does so once a day",
        option(data)
    );
    let Some(ended) = status.last_scrub else {
        return Finding::warn(SCRUB, "the copies on this disk were never all compared", advice);
    };
    let days = days_since(UNIX_EPOCH + Duration::from_millis(ended.0));
    let found = format!("the last one ended {}", ago(days));
    if days > SCRUB_DAYS_MAX { Finding::warn(SCRUB, found, advice) } else { Finding::ok(SCRUB, found) }
}

/// Looks whether a node could listen there.
async fn free(address: &Address) -> Finding {
    match Tcp.bind(address).await {
        Ok(_) => Finding::ok(PORT, format!("{address} is free")),
        Err(error) => {
            let advice = match error.kind() {
                io::ErrorKind::AddrInUse => "another program listens there: `ss -ltnp` shows which",
                io::ErrorKind::PermissionDenied => "ports below 1024 are the administrator's: take a higher one",
                _ => "give --listen an address of this machine",
            };
            Finding::fail(PORT, format!("cannot listen at {address}: {error}"), advice)
        }
    }
}

/// Looks which peers take connections.
async fn reachable(data: &Path, peers: &[Address]) -> Vec<Finding> {
    let known = match secret::members_of(data) {
        Ok(members) => members.dials_and(peers),
        Err(error) => return vec![Finding::fail(PEERS, error.full_message(), "put the file members back")],
    };
    let mut findings = Vec::new();
    for dial in known {
        let address = &dial.address;
        let reached = timeout(DIAL_TIMEOUT, Tcp.connect(address)).await;
        findings.push(match reached {
            Ok(Ok(_)) => Finding::ok(PEERS, format!("{address} takes connections")),
            Ok(Err(error)) => Finding::warn(PEERS, format!("{address}: {error}"), unreachable()),
            Err(_) => Finding::warn(PEERS, format!("{address} does not answer"), unreachable()),
        });
    }
    findings
}

fn unreachable() -> &'static str {
    "look whether its node runs, and whether a firewall or a router lets it through"
}

//! What a node says of itself over HTTP: the answers have to be what it tells those that have its handle, and whoever
//! watches its events has to see some if there are any.

use std::collections::BTreeSet;
use std::time::Duration;

use dacapo::crypto::NodeId;
use dacapo::node::{DiskCheckError, Handle};
use dacapo::store::Usage;
use hyper::{Method, StatusCode, header};
use serde_json::Value;
use tokio::time::timeout;

use super::client::{Answer, Client, Trouble, id, list_of};
use crate::host::Host;
use crate::store::bug::Bug;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome, Told};
use crate::subject::Scene;

/// How long events are watched, and within what time one that was told has come at most. Chosen: a node that has peers
/// often tells something in this time, and it is many times what a message takes.
const WATCHES: Duration = Duration::from_secs(1);

/// What a node says of itself in two ways.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    files: u64,
    deleted: u64,
    held_files: u64,
    held_bytes: u64,
    connected: BTreeSet<NodeId>,
}

/// Asks for all that a node says of itself, and watches its events meanwhile.
pub(super) async fn status(
    scene: &Scene<Files>,
    client: &Client,
    entry: &HistoryEntry,
    bug: Option<Bug>,
) -> Result<Outcome, Trouble> {
    let host = entry.host;
    let boots = scene.boots[host].get();
    let mut events = client.ask(Method::GET, "/v1/events", &[], None).await?;
    let begun = told(scene, host);
    let before = said(scene, host).await;
    let mut status = client.ask(Method::GET, "/v1/status", &[], None).await?;
    let mut peers = client.ask(Method::GET, "/v1/peers", &[], None).await?;
    let ready = client.ask(Method::GET, "/readyz", &[], None).await?;
    for answer in [&mut status, &mut peers] {
        if answer.status != StatusCode::OK {
            return Ok(Outcome::Failed(answer.error().await?));
        }
    }
    let is_disk_good = ready.status == StatusCode::OK;
    if !is_disk_good && !goes_on(scene, host, boots).await {
        return Ok(Outcome::Failed("the node was stopping".to_owned()));
    }
    let (status, peers) = (status.json().await?, peers.json().await?);
    let served =
        served(&status, &peers, bug).ok_or_else(|| Trouble::Wrong(format!("was told {status} and {peers}")))?;
    // If the node has told of nothing meanwhile, nothing has changed.
    let is_same = told(scene, host) == begun && scene.boots[host].get() == boots;
    if let (Some(before), Some(after)) = (before, said(scene, host).await)
        && before == after
        && is_same
        && told(scene, host) == begun
        && served != before
    {
        return Err(Trouble::Wrong(format!("was told {served:?}, and the node says {before:?}")));
    }
    judge_events(scene, &mut events, host, (begun, boots)).await?;
    let forgotten = list_of(&peers).filter(|row| row["forgotten"] == true).filter_map(|row| id(&row["peer"]));
    let held = list_of(&peers).filter_map(|row| Some((id(&row["peer"])?, usage(row)?)));
    let (forgotten, held) = (forgotten.collect(), held.collect());
    Ok(Outcome::Told(Told { files: served.files, forgotten, held, is_disk_good }))
}

/// Judges what whoever watches has seen since so many events were told.
async fn judge_events(
    scene: &Scene<Files>,
    events: &mut Answer,
    host: Host,
    (begun, boots): (u64, u64),
) -> Result<(), Trouble> {
    // Too many may be watching already.
    if events.status == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(());
    }
    let kind = events.header(header::CONTENT_TYPE).unwrap_or_default();
    if events.status != StatusCode::OK || !kind.starts_with("text/event-stream") {
        return Err(Trouble::Wrong(format!("was given {kind:?} in the place of events, with {}", events.status)));
    }
    let mut seen = timeout(WATCHES, events.piece()).await;
    let is_told = told(scene, host) > begun;
    if seen.is_err() && is_told {
        seen = timeout(WATCHES, events.piece()).await;
    }
    if !goes_on(scene, host, boots).await {
        return Ok(());
    }
    match seen {
        Err(_) if is_told => Err(Trouble::Wrong("was shown no event, and there was one".to_owned())),
        Ok(Ok(None)) => Err(Trouble::Wrong("was shown the end of the events of a node that goes on".to_owned())),
        Ok(Ok(Some(piece))) if !is_stream(&piece) => {
            Err(Trouble::Wrong(format!("was shown {:?} as an event", String::from_utf8_lossy(&piece))))
        }
        _ => Ok(()),
    }
}

/// Whether the node of a host is the one of this start, and is not stopping.
async fn goes_on(scene: &Scene<Files>, host: Host, boots: u64) -> bool {
    let Some(node) = scene.clients.node(host) else { return false };
    let is_stopping = matches!(node.check_disk().await, Err(DiskCheckError::Stopped));
    !is_stopping && scene.boots[host].get() == boots
}

/// Whether bytes are lines of a stream of events.
fn is_stream(piece: &[u8]) -> bool {
    let is_line = |line: &str| {
        line.is_empty() || line.starts_with("data: ") || line.starts_with(':') || line.starts_with("event: ")
    };
    std::str::from_utf8(piece).is_ok_and(|text| text.lines().all(is_line))
}

/// Returns how much a node has told.
fn told(scene: &Scene<Files>, host: Host) -> u64 {
    scene.clients.noticed.borrow().told(host)
}

/// Returns what the node of a host says to those that have its handle.
async fn said(scene: &Scene<Files>, host: Host) -> Option<Said> {
    let node: Handle = scene.clients.node(host)?;
    let status = node.status().await.ok()?;
    let connected = node.peers().await.into_iter().filter(|peer| peer.is_connected).filter_map(|peer| peer.peer);
    let Usage { files: held_files, bytes: held_bytes, .. } = status.held;
    let connected = connected.collect();
    Some(Said { files: status.files, deleted: status.deleted, held_files, held_bytes, connected })
}

/// Returns what an answer says; `None` if it does not say all of it.
fn served(status: &Value, peers: &Value, bug: Option<Bug>) -> Option<Said> {
    let number = |name: &str| status[name].as_u64();
    let connected = list_of(peers).filter(|row| row["connected"] == true).filter_map(|row| id(&row["peer"]));
    let mut connected: BTreeSet<_> = connected.collect();
    if bug == Some(Bug::ServedPeerHidden) {
        connected.pop_first();
    }
    let is_off = u64::from(bug == Some(Bug::ServedStatusWrong));
    let (files, deleted) = (number("files")?, number("deleted")?);
    let (held_files, held_bytes) = (number("held_files")? + is_off, number("held_bytes")?);
    peers.is_array().then_some(Said { files, deleted, held_files, held_bytes, connected })
}

/// Returns what is held for a peer, if the answer says so.
fn usage(row: &Value) -> Option<Usage> {
    let (files, bytes) = (row["held_files"].as_u64()?, row["held_bytes"].as_u64()?);
    Some(Usage { files, bytes, tombstones: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_events_are_a_stream() {
        for text in ["data: connected with 1\n\n", ": \n\n", "event: missed\ndata: 3\n\n", ""] {
            assert!(is_stream(text.as_bytes()), "{text}");
        }
        for text in ["{\"error\":\"no\"}", "data: a\nb"] {
            assert!(!is_stream(text.as_bytes()), "{text}");
        }
    }
}

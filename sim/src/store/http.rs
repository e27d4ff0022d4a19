//! Calls that clients make over HTTP, on the hosts with the option `http`. The oracles judge their outcomes as those of
//! all other calls. What HTTP does not have is called on the node's handle.

mod client;
mod get;
mod parts;
mod status;

use std::collections::BTreeMap;
use std::io;

use dacapo::crypto::{Key, NodeId, Version};
use dacapo::http::{Api, Feed, Gate, Server};
use dacapo::limits::{LIST_PAGE_MAX, SOURCE_STALL_TIMEOUT};
use dacapo::node::Handle;
use dacapo::time::UnixMillis;
use hyper::{Method, StatusCode, header};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::about::{About, Beside};
use super::bug::Bug;
use super::call::{self, Call, Source};
use super::files::Files;
use super::history::{HistoryEntry, Outcome};
use super::options::is_served;
use super::patience::{CONSIDERS, LEAVES_AFTER, PAUSE, STALL};
use crate::subject::Scene;
use client::{Client, PORT, Sent, Then, Trouble, id, list_of, network, path};

/// How many files a client has listed first: fewer than many nodes have. Each further page may have twice as many, so
/// that thousands of files take few requests.
const FIRST_PAGE: usize = 2;

/// What the keys of some files begin with: the second and the fourth that calls have, and a few of a burst.
const PREFIX: &str = "picture_1";

/// Serves the node of a host until what is returned is dropped, if its options say so.
pub(super) async fn serve(options: &[String], handle: Handle, feed: Feed) -> io::Result<Option<Server>> {
    if !is_served(options) {
        return Ok(None);
    }
    let address = format!("0.0.0.0:{PORT}").parse().expect("an address");
    // Nothing that is on the way tells the time.
    let api = Api { handle, feed, gate: Gate::Open, now: || UnixMillis(0) };
    Server::start(network(), &address, api).await.map(Some)
}

/// Makes a call over HTTP, if HTTP has it. Returns its outcome, and what is wrong with an answer, if something is.
pub(super) async fn perform(
    scene: &Scene<Files>,
    entry: &HistoryEntry,
    bug: Option<Bug>,
) -> Option<(Outcome, Result<(), String>)> {
    let client = &Client::new(scene.clients.clone(), entry.host);
    let made = match entry.call {
        // HTTP cannot say more than was told: what follows is another request.
        Call::Store { source: Source::Long, .. } => return None,
        Call::Store { key, size, source } => store(client, entry, key, size, source, bug).await,
        Call::Get { key, reading } => get::get(scene, client, entry, (key, reading), bug).await,
        Call::Delete { key, held_by } => delete(client, key, held_by).await,
        Call::Erase { key, is_known } => erase(client, key, is_known).await,
        Call::Stat { key } => stat(client, key).await,
        Call::Holders { key, is_whole } => holders(client, key, is_whole).await,
        Call::List => list(client, entry.number).await,
        Call::Scrub => scrub(client).await,
        Call::Status => status::status(scene, client, entry, bug).await,
        _ => return None,
    };
    Some(match made {
        Ok(outcome) => (outcome, Ok(())),
        Err(Trouble::Down) => (Outcome::down(entry.call), Ok(())),
        Err(Trouble::Lost(_)) if matches!(entry.call, Call::Store { .. } | Call::Erase { .. }) => {
            (Outcome::Unconfirmed, Ok(()))
        }
        Err(Trouble::Lost(why)) => (Outcome::Failed(why), Ok(())),
        Err(Trouble::Wrong(what)) => (Outcome::Failed(what.clone()), Err(what)),
    })
}

async fn store(
    client: &Client,
    entry: &HistoryEntry,
    key: u8,
    size: u32,
    source: Source,
    bug: Option<Bug>,
) -> Result<Outcome, Trouble> {
    let content = call::content(entry.number, size);
    let patience = match source {
        Source::Stalled => Some(STALL),
        Source::Left => Some(LEAVES_AFTER),
        _ => None,
    };
    let sent = sent(content, u64::from(size), source, entry.number, bug);
    let answered = async {
        let mut answer = client.ask(Method::PUT, &path("files", key, ""), &[], Some(sent)).await?;
        Ok((answer.status, answer.json().await?))
    };
    let answered = match patience {
        Some(patience) => timeout(patience, answered).await.unwrap_or_else(|_| Err(Trouble::Lost("left".to_owned()))),
        None => answered.await,
    };
    let outcome = match answered {
        Ok((StatusCode::OK, stored)) => {
            let (holders, told) = done(&stored["receipts"]);
            match source {
                Source::Held if holders.is_empty() => Outcome::Unconfirmed,
                _ => {
                    let digest = entry.content().expect("a store stores something");
                    Outcome::Stored { digest, version: version(&stored["version"]), holders, told }
                }
            }
        }
        Ok((_, failure)) if failure["outcome"] == "rejected" => Outcome::Rejected,
        Ok(_) | Err(Trouble::Lost(_) | Trouble::Wrong(_)) => Outcome::Unconfirmed,
        Err(Trouble::Down) => Outcome::Rejected,
    };
    // What never came to its end cannot be there, whatever a caller learns.
    Ok(if source.is_unlike_told() && !matches!(outcome, Outcome::Stored { .. }) { Outcome::Rejected } else { outcome })
}

/// Returns what is sent of a content.
fn sent(mut content: Vec<u8>, size: u64, source: Source, number: usize, bug: Option<Bug>) -> Sent {
    let told = Some(size);
    let is_half = matches!(source, Source::Short | Source::Failing | Source::Stalled | Source::Slow);
    let rest = content.split_off(if is_half { content.len() / 2 } else { content.len() });
    let pause = if number.is_multiple_of(2) { PAUSE } else { PAUSE + SOURCE_STALL_TIMEOUT };
    match source {
        Source::Stream => Sent { told: None, first: content, then: Then::Ends },
        Source::Short | Source::Failing if bug == Some(Bug::BrokenOffStored) => {
            Sent { told: None, first: content, then: Then::Ends }
        }
        Source::Short => Sent { told, first: content, then: Then::Ends },
        Source::Failing => Sent { told, first: content, then: Then::Fails },
        Source::Stalled => Sent { told, first: content, then: Then::Never },
        Source::Slow => Sent { told, first: content, then: Then::Later(pause, rest) },
        Source::Memory | Source::Held | Source::Left | Source::Long => Sent { told, first: content, then: Then::Ends },
    }
}

async fn delete(client: &Client, key: u8, held_by: u8) -> Result<Outcome, Trouble> {
    // One peer is what is asked for if nothing is said.
    let query = if held_by == 1 { String::new() } else { format!("?min_replicas={held_by}") };
    let path = path("copies", key, &query);
    let mut answer = client.ask(Method::DELETE, &path, &[], None).await?;
    let failure = answer.json().await?;
    Ok(match answer.status {
        StatusCode::OK => Outcome::Deleted,
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::NotFound,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Outcome::Kept(failure["error"].to_string()),
        _ if failure["outcome"] == "rejected" => Outcome::Rejected,
        _ => Outcome::Failed(failure["error"].to_string()),
    })
}

async fn erase(client: &Client, key: u8, is_known: bool) -> Result<Outcome, Trouble> {
    let mut known = None;
    if is_known {
        match stat(client, key).await? {
            Outcome::Known(about) => known = Some(about.version),
            Outcome::Failed(why) => return Ok(Outcome::Kept(why)),
            other => return Ok(other),
        }
        sleep(CONSIDERS).await;
    }
    let headers: Vec<_> = known.iter().map(|version| (header::IF_MATCH, format!("\"{}\"", version.0))).collect();
    let mut answer = client.ask(Method::DELETE, &path("files", key, ""), &headers, None).await?;
    let told = answer.json().await?;
    Ok(match answer.status {
        StatusCode::OK => {
            let (peers, told) = done(&told["receipts"]);
            Outcome::Erased { known, peers, told }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::NotFound,
        StatusCode::PRECONDITION_FAILED => Outcome::Kept(told["error"].to_string()),
        _ if told["outcome"] == "rejected" => Outcome::Rejected,
        _ => Outcome::Unconfirmed,
    })
}

async fn stat(client: &Client, key: u8) -> Result<Outcome, Trouble> {
    let mut answer = client.ask(Method::GET, &path("stat", key, ""), &[], None).await?;
    Ok(match answer.status {
        StatusCode::OK => Outcome::Known(about(&answer.json().await?)),
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::NotFound,
        _ => Outcome::Failed(answer.error().await?),
    })
}

async fn holders(client: &Client, key: u8, is_whole: bool) -> Result<Outcome, Trouble> {
    let path = path("holders", key, if is_whole { "?verify=true" } else { "" });
    let mut answer = client.ask(Method::GET, &path, &[], None).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Outcome::NotFound),
        _ => return Ok(Outcome::Failed(answer.error().await?)),
    }
    let rows = answer.json().await?;
    let is_good = |row: &&Value| row["holds"] == "current" && row["fresh"] == true;
    Ok(Outcome::Held(list_of(&rows).filter(is_good).filter_map(|row| id(&row["peer"])).collect()))
}

/// Lists all files. Every second call lists some of them once more, by what their keys begin with, and believes that.
async fn list(client: &Client, number: usize) -> Result<Outcome, Trouble> {
    let mut listed = BTreeMap::new();
    for prefix in if number.is_multiple_of(2) { &[""][..] } else { &["", PREFIX] } {
        listed.retain(|number, _| !call::key(*number).as_str().starts_with(prefix));
        let (mut after, mut limit) = (String::new(), FIRST_PAGE);
        loop {
            let path = format!("/v1/files?limit={limit}&prefix={prefix}{after}");
            let mut answer = client.ask(Method::GET, &path, &[], None).await?;
            if answer.status != StatusCode::OK {
                return Ok(Outcome::Failed(answer.error().await?));
            }
            let page = answer.json().await?;
            for file in list_of(&page["files"]) {
                let Some(key) = file["key"].as_str().and_then(|key| key.parse::<Key>().ok()) else { continue };
                if !key.as_str().starts_with(prefix) {
                    return Err(Trouble::Wrong(format!("was told of {key} in a list of {prefix}")));
                }
                listed.extend(call::number(&key).map(|number| (number, about(file))));
            }
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
            limit = (2 * limit).min(LIST_PAGE_MAX);
        }
    }
    Ok(Outcome::Listed(listed))
}

async fn scrub(client: &Client) -> Result<Outcome, Trouble> {
    let mut answer = client.ask(Method::POST, "/v1/scrub", &[], None).await?;
    let lines = answer.rest().await?;
    let last = lines.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let last: Value = serde_json::from_slice(last).unwrap_or_default();
    match (last["damaged"].as_u64(), last["failed"].as_u64()) {
        (Some(damaged), Some(failed)) if last["done"] == true => Ok(Outcome::Scrubbed { damaged, failed }),
        _ => Err(Trouble::Lost("the scrub has not ended".to_owned())),
    }
}

fn about(value: &Value) -> About {
    let number = |name: &str| value[name].as_u64().unwrap_or_default();
    let (size, stored) = (number("size"), UnixMillis(number("stored_unix_ms")));
    About { version: version(&value["version"]), size, stored, beside: Beside::Untold }
}

fn version(value: &Value) -> Version {
    Version(value.as_u64().unwrap_or_default())
}

/// Returns the peers whose receipts say that they have done it, and all that there are receipts of.
fn done(receipts: &Value) -> (Vec<NodeId>, Vec<NodeId>) {
    let peers = |is_wanted: &dyn Fn(&Value) -> bool| {
        list_of(receipts).filter(|receipt| is_wanted(receipt)).filter_map(|receipt| id(&receipt["peer"])).collect()
    };
    (peers(&|receipt| receipt["outcome"] == "stored"), peers(&|_| true))
}

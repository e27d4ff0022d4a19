//! Gets over HTTP, whole and in two parts, and what a node says afterwards of the file that it gave. A part that is not
//! the one that was asked for is wrong, and so is an answer that breaks off although a good local copy is here.

use std::ops::Range;

use hyper::{HeaderMap, Method, StatusCode, header};
use tokio::time::sleep;

use super::client::{Answer, Client, Trouble, path};
use super::parts;
use crate::store::bug::Bug;
use crate::store::call::{Call, Reading};
use crate::store::files::Files;
use crate::store::history::{self, HistoryEntry, Outcome};
use crate::store::oracle::available;
use crate::store::patience::PAUSE;
use crate::subject::Scene;

/// Of how many gets that read to the end one asks for two parts, whatever its words say.
const PARTS_ONE_IN: usize = 4;

/// The header that names the peer from which a file came back.
const FROM: &str = "dacapo-from";

/// A get that is under way.
struct Get<'a> {
    scene: &'a Scene<Files>,
    client: &'a Client,
    entry: &'a HistoryEntry,
    path: String,
    /// How often the host has started its program.
    boots: u64,
    /// Whether the local copy was here when the get began.
    was_here: bool,
}

pub(super) async fn get(
    scene: &Scene<Files>,
    client: &Client,
    entry: &HistoryEntry,
    (key, reading): (u8, Reading),
    bug: Option<Bug>,
) -> Result<Outcome, Trouble> {
    let host = entry.host;
    let path = path("files", key, if reading == Reading::Unkept { "?keep=false" } else { "" });
    let was_here = available::is_untouched(scene, host, entry);
    let get = Get { scene, client, entry, path, boots: scene.boots[host].get(), was_here };
    let first = match reading {
        Reading::Slow => Some(get.first_part().await),
        Reading::Whole if entry.number % PARTS_ONE_IN == 1 => Some(get.first_part().await),
        _ => None,
    };
    let headers = first.map(|first| (header::RANGE, format!("bytes=0-{}", first - 1)));
    let mut answer = client.ask(Method::GET, &get.path, headers.as_slice(), None).await?;
    let mut content = match answer.status {
        StatusCode::OK if reading == Reading::Left => {
            drop(answer.piece().await?);
            return Ok(Outcome::Left);
        }
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => get.rest(&mut answer).await?,
        // An empty file has no first byte.
        StatusCode::RANGE_NOT_SATISFIABLE => Vec::new(),
        _ => return not_got(answer).await,
    };
    if let (Some(first), StatusCode::PARTIAL_CONTENT) = (first, answer.status) {
        let length = parts::length_of_whole(&said(&answer));
        parts::judge(&said(&answer), 0..first.min(length), length, content.len()).map_err(Trouble::Wrong)?;
        if content.len() < length {
            if reading == Reading::Slow {
                sleep(PAUSE).await;
            }
            answer = get.ask_for_rest(&answer, content.len()..length, bug).await?;
            match answer.status {
                StatusCode::PARTIAL_CONTENT => {
                    let rest = get.rest(&mut answer).await?;
                    parts::judge(&said(&answer), content.len()..length, length, rest.len()).map_err(Trouble::Wrong)?;
                    content.extend(rest);
                }
                // Another version was stored meanwhile, so all of it came.
                StatusCode::OK => content = get.rest(&mut answer).await?,
                _ => return not_got(answer).await,
            }
        }
    }
    // What was not kept need not be known.
    let is_known = reading != Reading::Unkept && answer.status != StatusCode::RANGE_NOT_SATISFIABLE;
    if is_known && entry.number.is_multiple_of(2) {
        get.judge_known(&answer.headers, content.len()).await?;
    }
    Ok(Outcome::Got(history::digest(&content)))
}

impl Get<'_> {
    /// Chooses how much is asked for first, by the length of the file if the node knows it.
    async fn first_part(&self) -> usize {
        let known = self.client.ask(Method::HEAD, &self.path, &[], None).await.ok();
        let length = known.filter(|known| known.status == StatusCode::OK).and_then(|known| known.length());
        // The remainder says already which gets have parts.
        parts::first(length, self.entry.number / PARTS_ONE_IN)
    }

    /// Asks for what follows the first bytes of a file.
    async fn ask_for_rest(&self, before: &Answer, rest: Range<usize>, bug: Option<Bug>) -> Result<Answer, Trouble> {
        let mut headers = vec![(header::RANGE, parts::range_of_rest(rest, self.entry.number))];
        if bug != Some(Bug::IfRangeIgnored) {
            headers.extend(before.header(header::ETAG).map(|tag| (header::IF_RANGE, tag)));
        }
        self.client.ask(Method::GET, &self.path, &headers, None).await
    }

    /// Reads the rest of an answer.
    async fn rest(&self, answer: &mut Answer) -> Result<Vec<u8>, Trouble> {
        let read = answer.rest().await;
        match read {
            Err(Trouble::Lost(why)) if !answer.headers.contains_key(FROM) && self.is_here() => {
                Err(Trouble::Wrong(format!("was given a part of what lies here, and then {why}")))
            }
            read => read,
        }
    }

    /// Whether nothing can have kept the node from giving its local copy since the get began.
    fn is_here(&self) -> bool {
        let Self { scene, entry, .. } = self;
        let host = entry.host;
        let stops = |call| matches!(call, Call::Restart | Call::Convert | Call::Recover | Call::RestartAs(_));
        let is_to_stop = |other: &HistoryEntry| other.host == host && other.ended.is_none() && stops(other.call);
        let runs_on = scene.clients.node(host).is_some() && scene.boots[host].get() == self.boots;
        runs_on
            && self.was_here
            && available::is_untouched(scene, host, entry)
            && !scene.clients.history().iter().any(is_to_stop)
    }

    /// Asks what the node knows of the file that it gave, and for the file unless it is the same still, and judges both
    /// answers.
    async fn judge_known(&self, given: &HeaderMap, length: usize) -> Result<(), Trouble> {
        let Some(tag) = given.get(header::ETAG).and_then(|tag| Some(tag.to_str().ok()?.to_owned())) else {
            return Err(Trouble::Wrong("was given no version".to_owned()));
        };
        let unless = [(header::IF_NONE_MATCH, tag.clone())];
        let known = self.client.ask(Method::HEAD, &self.path, &[], None).await;
        let unchanged = self.client.ask(Method::GET, &self.path, &unless, None).await;
        // Another call may have changed the file meanwhile. What was given is whole in any case.
        if !self.is_here() || self.entry.meets(&self.scene.clients.history(), |_| true) {
            return Ok(());
        }
        for (asked, answer, status) in
            [("HEAD", known, StatusCode::OK), ("If-None-Match", unchanged, StatusCode::NOT_MODIFIED)]
        {
            let Ok(answer) = answer else { continue };
            let (known, known_length) = (answer.header(header::ETAG).unwrap_or_default(), answer.length());
            let is_length = status != StatusCode::OK || known_length == Some(length);
            if answer.status != status || known != tag || !is_length {
                let what = format!("{asked} is answered by {}, {known:?}, {known_length:?} bytes", answer.status);
                return Err(Trouble::Wrong(format!("was given {tag:?}, {length} bytes, and then {what}")));
            }
        }
        Ok(())
    }
}

/// Returns which part of which length an answer says that it has.
fn said(answer: &Answer) -> String {
    answer.header(header::CONTENT_RANGE).unwrap_or_default()
}

async fn not_got(mut answer: Answer) -> Result<Outcome, Trouble> {
    let (status, why) = (answer.status, answer.error().await?);
    Ok(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::NotFound,
        StatusCode::SERVICE_UNAVAILABLE if why != "the node has stopped" => Outcome::NoCopy(why),
        _ => Outcome::Failed(why),
    })
}

//! What a node knows: of its files, of its peers, and of itself.

use std::pin::Pin;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::api::Api;
use super::described::{Common, KeyInPath};
use super::failure::{Failure, FailureJson};
use super::limits::SIGN_INTERVAL;
use super::request::{Asked, NamedKey, NoQuery, Parameter, Parameters};
use crate::node::{Scrubbed, StatError};
use crate::view::json::{FileJson, PeerJson, StatusJson};
use crate::view::{HolderJson, HolderRow, KnownPeers, attention, holders as ask_holders};

/// Answers with what the node knows of a file.
#[utoipa::path(
    get,
    path = "/v1/stat/{key}",
    params(KeyInPath),
    responses(
        (status = 200, body = FileJson<'static>, description = "What the node knows of the file"),
        (status = 404, body = FailureJson, description = "there is no such file"),
        (status = 410, body = FailureJson, description = "the file was deleted"),
        Common,
    )
)]
pub(super) async fn stat(State(api): State<Api>, NamedKey(key): NamedKey, _: NoQuery) -> Result<Response, Failure> {
    let info = api.handle.stat(&key).await?;
    Ok(Json(FileJson::from(&info)).into_response())
}

/// How thoroughly peers look.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldersQuery {
    /// Whether peers compare the whole of their replicas, however large.
    #[serde(default)]
    verify: bool,
}

impl Parameters for HoldersQuery {
    const ALL: &'static [Parameter] = &[Parameter::of_two("verify")];
}

/// Answers with what each known peer has of a file.
#[utoipa::path(
    get,
    path = "/v1/holders/{key}",
    params(
        KeyInPath,
        ("verify" = Option<bool>, Query, description = "Whether peers compare all of their copies first")
    ),
    responses(
        (status = 200, body = Vec<HolderJson<'static>>, description = "What each peer has of the file"),
        (status = 404, body = FailureJson, description = "there is no such file"),
        (status = 410, body = FailureJson, description = "the file was deleted"),
        Common,
    )
)]
pub(super) async fn holders(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    Asked(HoldersQuery { verify }): Asked<HoldersQuery>,
) -> Result<Response, Failure> {
    let (holders, away) = ask_holders(&api.handle, &key, verify).await?;
    let rows: Vec<_> = holders.into_iter().map(HolderRow::from).chain(away.iter().map(HolderRow::away)).collect();
    Ok(Json(rows.iter().map(HolderRow::json).collect::<Vec<_>>()).into_response())
}

/// Answers with the peers, and the nodes that were forgotten or that a locked list keeps out.
#[utoipa::path(
    get,
    path = "/v1/peers",
    responses(
        (
            status = 200, body = Vec<PeerJson>,
            description = "The peers, and the nodes that were forgotten or that a locked list keeps out"
        ),
        Common,
    )
)]
pub(super) async fn peers(State(api): State<Api>, _: NoQuery) -> Result<Response, Failure> {
    let known = KnownPeers::of(&api.handle).await?;
    Ok(Json(PeerJson::all(&known)).into_response())
}

/// Answers with how the node is, and what it needs.
#[utoipa::path(
    get,
    path = "/v1/status",
    responses(
        (status = 200, body = StatusJson, description = "How the node is, and what needs attention"),
        Common,
    )
)]
pub(super) async fn status(State(api): State<Api>, _: NoQuery) -> Result<Response, Failure> {
    let (status, known) = (api.handle.status().await?, KnownPeers::of(&api.handle).await?);
    let (node, address) = (api.handle.node(), api.handle.address());
    Ok(Json(StatusJson::new(node, address, &status, &known, attention::all(&known))).into_response())
}

/// Answers that somebody answers.
pub(super) async fn is_alive() -> &'static str {
    "alive\n"
}

/// Answers whether the node works: it has started, its disk keeps what is written, and it has not stopped.
pub(super) async fn is_ready(State(api): State<Api>) -> Result<&'static str, Failure> {
    match api.handle.check_disk().await {
        Ok(()) => Ok("ready\n"),
        // Everybody may ask this, so it says no more.
        Err(_) => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, &"the node is not ready")),
    }
}

/// A line of a scrub: how far it is, or how it ended.
#[derive(Serialize)]
struct ScrubLine {
    done: bool,
    #[serde(flatten)]
    scrubbed: Scrubbed,
}

/// A scrub that is under way.
struct Scrub {
    work: Pin<Box<dyn Future<Output = Result<Scrubbed, StatError>> + Send>>,
    progress: mpsc::Receiver<Scrubbed>,
    so_far: Scrubbed,
}

/// Compares every copy on this disk with what was stored. Answers with a line of JSON again and again, of which the
/// last says `done`; an answer without it was broken off.
#[utoipa::path(
    post,
    path = "/v1/scrub",
    responses(
        (
            status = 200, body = String, content_type = "application/x-ndjson",
            description = "Lines of JSON, of which the last says done"
        ),
        Common,
    )
)]
pub(super) async fn scrub(State(api): State<Api>, _: NoQuery) -> Response {
    let (told, progress) = mpsc::channel(1);
    let work = Box::pin(async move { api.handle.scrub(told).await });
    let scrub = Scrub { work, progress, so_far: Scrubbed::default() };
    let lines = unfold(Some(scrub), |scrub| async {
        let mut scrub = scrub?;
        tokio::select! {
            biased;
            ended = &mut scrub.work => {
                return Some((ended.map(|scrubbed| line(true, scrubbed)), None));
            }
            Some(so_far) = scrub.progress.recv() => scrub.so_far = so_far,
            // One file may take long.
            () = sleep(SIGN_INTERVAL) => {}
        }
        Some((Ok(line(false, scrub.so_far)), Some(scrub)))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

fn line(done: bool, scrubbed: Scrubbed) -> String {
    let line = serde_json::to_string(&ScrubLine { done, scrubbed }).expect("numbers have a form");
    line + "\n"
}

//! Tells the events of a node as they happen (Server-Sent Events, HTML living standard, 9.2).

use std::convert::Infallible;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use super::api::Api;
use super::described::Common;
use super::failure::Failure;
use super::limits::{SIGN_INTERVAL, WATCHERS_MAX};
use super::request::NoQuery;

/// Answers with what happens from now on.
#[utoipa::path(
    get,
    path = "/v1/events",
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "What happens from now on"),
        Common,
    )
)]
pub(super) async fn tell(
    State(api): State<Api>,
    _: NoQuery,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Failure> {
    let Ok(place) = api.feed.places.clone().try_acquire_owned() else {
        let why = format!("{WATCHERS_MAX} others are watching; try again later");
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, &why));
    };
    let lines = api.feed.lines.subscribe();
    let events = unfold((lines, place, api.feed.ended), |(mut lines, place, ended)| async {
        let line = tokio::select! {
            biased;
            line = lines.recv() => line,
            () = ended.cancelled() => return None,
        };
        let event = match line {
            Ok(line) => sse::Event::default().data(line),
            Err(RecvError::Lagged(count)) => sse::Event::default().event("missed").data(count.to_string()),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(event), (lines, place, ended)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_INTERVAL)))
}

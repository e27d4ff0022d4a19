//! The events of a node as they happen, for everybody who watches (Server-Sent Events, HTML living standard, 9.2).

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::Api;
use super::failure::Failure;
use super::limits::{EVENTS_QUEUED, SIGN_INTERVAL, WATCHERS_MAX};
use crate::event::{Event, EventSink};

/// What is told about a node, to any number of watchers. Nothing waits for them: one that is slow misses events, and is
/// told how many. Clones are one feed.
#[derive(Clone, Debug)]
pub struct Feed {
    lines: broadcast::Sender<Arc<str>>,
    places: Arc<Semaphore>,
    /// Cancelled when nothing is told any more.
    pub(super) ended: CancellationToken,
}

impl Default for Feed {
    fn default() -> Self {
        let (lines, places) = (broadcast::Sender::new(EVENTS_QUEUED), Arc::new(Semaphore::new(WATCHERS_MAX)));
        Self { lines, places, ended: CancellationToken::new() }
    }
}

impl Feed {
    /// Returns a sink that tells events here, and then to another sink. Single messages are told to that one alone.
    #[must_use]
    pub fn before(&self, next: EventSink) -> EventSink {
        let lines = self.lines.clone();
        Rc::new(move |event| {
            let is_close_look = matches!(event, Event::MessageSent { .. } | Event::MessageReceived { .. });
            if !is_close_look && lines.receiver_count() > 0 {
                // Nobody listens any more if that fails.
                drop(lines.send(event.to_string().into()));
            }
            next(event);
        })
    }
}

/// Answers with what happens from now on.
pub(super) async fn events(
    State(api): State<Api>,
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

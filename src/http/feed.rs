//! The events of a node, for everybody who watches.

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::limits::{EVENTS_QUEUED, WATCHERS_MAX};
use crate::event::{Event, EventSink};

/// What is told about a node, to any number of watchers. Nothing waits for them: one that is slow misses events, and is
/// told how many. Clones are one feed.
#[derive(Clone, Debug)]
pub struct Feed {
    pub(super) lines: broadcast::Sender<Arc<str>>,
    /// Room for watchers.
    pub(super) places: Arc<Semaphore>,
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

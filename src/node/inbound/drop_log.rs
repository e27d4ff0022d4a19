//! Tells of dropped connections: the first few one by one, the rest as a number, so that a flood does not fill the log.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::time::{Instant, sleep};

use crate::event::Event;
use crate::limits::{DROP_LOG_INTERVAL, DROP_LOG_TOLD_MAX};
use crate::node::context::Shared;
use crate::node::link::LinkError;
use crate::platform::Platform;

/// How many dropped connections were told since the interval began, and how many were only counted.
#[derive(Default)]
pub(super) struct DropLog {
    since: Cell<Option<Instant>>,
    told: Cell<u64>,
    more: Cell<u64>,
}

impl DropLog {
    /// Tells of a dropped connection, or only counts it if enough were told in this interval.
    pub(super) fn note<P: Platform>(self: &Rc<Self>, context: &Shared<P>, from: SocketAddr, error: &LinkError) {
        if self.since.get().is_none_or(|since| since.elapsed() >= DROP_LOG_INTERVAL) {
            self.since.set(Some(Instant::now()));
            self.told.set(0);
        }
        if self.told.get() < DROP_LOG_TOLD_MAX {
            self.told.set(self.told.get() + 1);
            return context.tell(&Event::InboundDropped { from, reason: error.to_string() });
        }
        self.more.set(self.more.get() + 1);
        if self.more.get() == 1 {
            let (log, task) = (self.clone(), context.clone());
            context.spawn(async move {
                sleep(DROP_LOG_INTERVAL).await;
                task.tell(&Event::InboundFlooded { dropped: log.more.take() });
            });
        }
    }
}

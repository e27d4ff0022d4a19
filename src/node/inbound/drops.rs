//! Telling of dropped connections: the first few by themselves, the rest as a number, so that a flood fills no log.

use std::cell::Cell;
use std::net::SocketAddr;

use tokio::time::{Instant, sleep};

use crate::event::Event;
use crate::limits::{DROPS_INTERVAL, DROPS_TOLD_MAX};
use crate::node::Shared;
use crate::platform::Platform;

/// What was told since when.
#[derive(Default)]
pub(in crate::node) struct Drops {
    since: Cell<Option<Instant>>,
    told: Cell<u64>,
    more: Cell<u64>,
}

pub(super) fn tell<P: Platform>(inner: &Shared<P>, from: SocketAddr, reason: String) {
    let drops = &inner.inbound.drops;
    if drops.since.get().is_none_or(|since| since.elapsed() >= DROPS_INTERVAL) {
        drops.since.set(Some(Instant::now()));
        drops.told.set(0);
    }
    if drops.told.get() < DROPS_TOLD_MAX {
        drops.told.set(drops.told.get() + 1);
        return inner.tell(&Event::InboundDropped { from, reason });
    }
    drops.more.set(drops.more.get() + 1);
    if drops.more.get() == 1 {
        let task = inner.clone();
        inner.spawn(async move {
            sleep(DROPS_INTERVAL).await;
            task.tell(&Event::InboundFlooded { dropped: task.inbound.drops.more.take() });
        });
    }
}

//! Receives a file from one peer, and from a further one as well whenever those before hardly move. The first good copy
//! wins.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ask::{Body, Found};
use super::receive::{ReceiveError, Received, Wanted};
use crate::crypto::{NodeId, Seal};
use crate::limits::{CRAWL_BYTES, CRAWL_WINDOW, HEDGED_MAX};
use crate::node::context::{Shared, Stream};
use crate::node::meter::Meter;
use crate::platform::Platform;

/// The copies of one file that are being received.
pub(super) struct Receiving<P: Platform> {
    running: Vec<Running<P>>,
    window_end: Instant,
    /// Whether all of them hardly move, so that a further peer is to be asked.
    crawls: bool,
}

/// One copy that is being received.
struct Running<P: Platform> {
    peer: NodeId,
    seal: Seal,
    meter: Rc<Meter>,
    moved_before: u64,
    stop: CancellationToken,
    work: Pin<Box<dyn Future<Output = Result<Received<P>, ReceiveError>>>>,
}

/// What became of one copy.
pub(super) struct Outcome<P: Platform> {
    pub(super) peer: NodeId,
    pub(super) seal: Seal,
    pub(super) result: Result<Received<P>, ReceiveError>,
}

impl<P: Platform> Receiving<P> {
    pub(super) fn new() -> Self {
        Self { running: Vec::new(), window_end: Instant::now(), crawls: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether a further copy is to be received.
    pub(super) fn wants_more(&self) -> bool {
        self.is_empty() || self.crawls
    }

    /// Begins to receive one more copy. If there are too many, gives up the one of which the least has come.
    pub(super) fn begin(&mut self, context: &Shared<P>, wanted: &Rc<Wanted>, peer: NodeId, found: Found<Stream<P>>) {
        if self.running.len() == HEDGED_MAX
            && let Some(slowest) = (0..HEDGED_MAX).min_by_key(|index| self.running[*index].meter.moved())
        {
            give_up(context, self.running.remove(slowest));
        }
        let meter = match &found.body {
            Body::Here(_) => Rc::default(),
            Body::Waiting(lease) => lease.connection.meter.clone(),
        };
        let (task, wanted, seal, stop) =
            (context.clone(), wanted.clone(), found.seal.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let work = Box::pin(async move { wanted.receive(&task, found, &stopped).await });
        let moved_before = meter.moved();
        self.running.push(Running { peer, seal, meter, moved_before, stop, work });
        self.begin_window();
    }

    fn begin_window(&mut self) {
        self.crawls = false;
        self.window_end = Instant::now() + CRAWL_WINDOW;
        for running in &mut self.running {
            running.moved_before = running.meter.moved();
        }
    }

    /// Waits until one copy is here or has failed. Returns `None` whenever it has looked whether they move.
    pub(super) async fn next(&mut self) -> Option<Outcome<P>> {
        let Self { running, window_end, .. } = self;
        let finished = poll_fn(|cx| {
            for (index, running) in running.iter_mut().enumerate() {
                if let Poll::Ready(result) = running.work.as_mut().poll(cx) {
                    return Poll::Ready((index, result));
                }
            }
            Poll::Pending
        });
        tokio::select! {
            biased;
            (index, result) = finished => {
                let Running { peer, seal, .. } = self.running.remove(index);
                Some(Outcome { peer, seal, result })
            }
            () = sleep_until(*window_end) => {
                let has_moved = |running: &Running<P>| running.meter.moved() - running.moved_before >= CRAWL_BYTES;
                let crawls = !self.running.iter().any(has_moved);
                self.begin_window();
                self.crawls = crawls;
                None
            }
        }
    }

    /// Gives up what is still being received.
    pub(super) fn give_up(self, context: &Shared<P>) {
        self.running.into_iter().for_each(|running| give_up(context, running));
    }
}

/// Ends an exchange, and has its temporary file removed.
fn give_up<P: Platform>(context: &Shared<P>, running: Running<P>) {
    running.stop.cancel();
    context.spawn(async move { drop(running.work.await) });
}

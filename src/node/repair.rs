//! Repair: what a peer holds of this node's files is compared with what is current, and what it lacks is sent.
//!
//! With each heartbeat a peer tells the print of all that it holds of this node's files. Where that is not the print of
//! the own catalog, the two summaries are compared, group by group and leaf by leaf, down to the files that differ.
//! Only the owner repairs, because only the owner knows what is current; it sends its local copy, or passes on the
//! sealed bytes of another peer. Nothing is remembered between two repairs: one that broke off is begun anew by the
//! next heartbeat.

mod adopt;
mod compare;
mod mend;
mod relay;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::time::Instant;

use super::config::Mode;
use super::handle::answers::Progress;
use super::peers::Peer;
use super::placing::Replicas;
use super::{Shared, Stream};
use crate::crypto::{HashedKey, NodeId, Print, Summary};
use crate::event::Event;
use crate::limits::{PLACEMENT_AFTER_START, REPAIR_RETRY_MAX, REPAIR_RETRY_MIN};
use crate::platform::Platform;

/// The repair of one peer.
pub(super) struct Repair {
    progress: Cell<Progress>,
    is_running: Cell<bool>,
    failures: Cell<u32>,
    not_before: Cell<Option<Instant>>,
}

/// The replicas that are on their way to peers with a store of their own; repair leaves them alone.
#[derive(Clone, Default)]
pub(super) struct OnTheirWay {
    counts: Rc<RefCell<BTreeMap<(NodeId, HashedKey), usize>>>,
}

/// Counts one replica on its way for as long as it lives.
pub(super) struct OnItsWay {
    of: (NodeId, HashedKey),
    all: OnTheirWay,
}

/// What one repair did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Replicas and deletions that the peer now has.
    pub(super) sent: usize,
    /// Files of which the peer knew more than the own catalog.
    pub(super) adopted: usize,
    /// Replicas that the peer dropped, because others hold the file.
    pub(super) released: usize,
    /// Replicas that the peer keeps until those hold the file who are to.
    pub(super) kept: usize,
    /// Files that could not be sent.
    pub(super) failed: usize,
}

impl Default for Repair {
    fn default() -> Self {
        Self {
            progress: Cell::new(Progress::Unknown),
            is_running: Cell::default(),
            failures: Cell::default(),
            not_before: Cell::default(),
        }
    }
}

impl Repair {
    pub(super) fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// The peer has just connected: it may have got a new disk, or the old one back.
    pub(super) fn begin_anew(&self) {
        self.progress.set(Progress::Unknown);
        self.failures.set(0);
        self.not_before.set(None);
    }

    /// Whether it is time for an attempt; if so, one is under way from here on.
    fn begin(&self) -> bool {
        let is_due = self.not_before.get().is_none_or(|not_before| not_before <= Instant::now());
        is_due && !self.is_running.replace(true)
    }

    fn end(&self, has_failed: bool) {
        self.is_running.set(false);
        let failures = if has_failed { self.failures.get().saturating_add(1) } else { 0 };
        self.failures.set(failures);
        let wait = REPAIR_RETRY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(REPAIR_RETRY_MAX);
        self.not_before.set(has_failed.then(|| Instant::now() + wait));
    }
}

impl OnTheirWay {
    pub(super) fn add(&self, peer: NodeId, hashed: HashedKey) -> OnItsWay {
        *self.counts.borrow_mut().entry((peer, hashed)).or_default() += 1;
        OnItsWay { of: (peer, hashed), all: self.clone() }
    }

    fn has(&self, peer: NodeId, hashed: HashedKey) -> bool {
        self.counts.borrow().contains_key(&(peer, hashed))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let mut counts = self.all.counts.borrow_mut();
        let count = counts.get_mut(&self.of).expect("it was counted");
        *count -= 1;
        if *count == 0 {
            counts.remove(&self.of);
        }
    }
}

/// Hears what a peer holds of this node's files, and repairs it where that is not what is current.
pub(super) fn hear<P: Platform>(inner: &Shared<P>, peer: &Rc<Peer<Stream<P>>>, held: Option<Print>) {
    let Some(held) = held else { return };
    if peer.repair.begin() {
        inner.spawn(run(inner.clone(), peer.clone(), held));
    }
}

async fn run<P: Platform>(inner: Shared<P>, peer: Rc<Peer<Stream<P>>>, held: Print) {
    if inner.replicas != Replicas::All && inner.started.elapsed() < PLACEMENT_AFTER_START {
        return peer.repair.end(false);
    }
    let expected = compare::Expected { peer: peer.id, placement: inner.placement() };
    let Ok(current) = expected.look(&inner, Summary::print).await else { return peer.repair.end(true) };
    if current == held {
        peer.repair.progress.set(Progress::Current);
        return peer.repair.end(false);
    }
    peer.repair.progress.set(Progress::Behind);
    let _slot = inner.repairs.clone().acquire_owned().await.expect("never closed");
    let result = compare::all(&inner, &peer, &expected).await;
    let has_failed = !matches!(result, Ok(Done { failed: 0, kept: 0, .. }));
    if inner.mode == Mode::Learning && !has_failed {
        // What it holds is known now, whatever it lacks.
        peer.repair.progress.set(Progress::Current);
    }
    match result {
        // What differed was on its way, or is still in two places.
        Ok(Done { sent: 0, adopted: 0, released: 0, failed: 0, .. }) => {}
        Ok(Done { sent, adopted, released, failed, .. }) => {
            inner.tell(&Event::PeerRepaired { peer: peer.id, sent, adopted, released, failed });
        }
        Err(reason) => inner.tell(&Event::RepairFailed { peer: peer.id, reason }),
    }
    peer.repair.end(has_failed);
}

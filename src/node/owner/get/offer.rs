//! Asks a peer for a file, for a search that may have others to try first. A peer that waits to be told to proceed does
//! so for a short time: its connection is free for other calls then.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::ask::{self, Body, Found};
use crate::crypto::{ReplicaName, Seal};
use crate::event::FetchAnswer;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool;
use crate::platform::Platform;

/// How long a peer waits to be told to proceed. Chosen: as long as it takes to see that another peer's small part has
/// come; who is wanted later is asked again.
const WAITS: Duration = Duration::from_secs(1);

/// The answer of one peer.
pub(super) struct Answer<S> {
    pub(super) peer: Rc<Peer<S>>,
    pub(super) found: Result<Offer<S>, FetchAnswer>,
}

/// A replica that a peer has offered. Clones are the same offer.
pub(super) struct Offer<S> {
    pub(super) seal: Seal,
    found: Rc<RefCell<Option<Found<S>>>>,
}

/// Asks a peer for a file in a task of its own, which ends with the search.
pub(super) fn ask<P: Platform>(
    context: &Shared<P>,
    peer: Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    sender: mpsc::Sender<Answer<Stream<P>>>,
) {
    let task = context.clone();
    context.spawn(async move {
        let slot = tokio::select! {
            biased;
            slot = pool::slot(&peer) => slot,
            // Who waits behind others for a peer that hardly answers gives up with the search.
            () = sender.closed() => return,
        };
        let found = ask::ask(&task, &peer, slot, replica_name).await.map(Offer::new);
        let offer = found.as_ref().ok().cloned();
        // If another peer's answer was taken, this one is dropped, and an exchange that waits is closed with it.
        drop(sender.send(Answer { peer, found }).await);
        if let Some(offer) = offer {
            tokio::select! {
                biased;
                () = sender.closed() => {}
                () = offer.expire() => {}
            }
        }
    });
}

impl<S> Clone for Offer<S> {
    fn clone(&self) -> Self {
        Self { seal: self.seal.clone(), found: self.found.clone() }
    }
}

impl<S> Offer<S> {
    pub(super) fn new(found: Found<S>) -> Self {
        Self { seal: found.seal.clone(), found: Rc::new(RefCell::new(Some(found))) }
    }

    /// Takes what was found, under the seal that counts. Returns `None` if the offer was given up.
    pub(super) fn take(&self) -> Option<Found<S>> {
        self.found.take().map(|found| Found { seal: self.seal.clone(), ..found })
    }

    /// Gives the offer up if a peer has waited for long enough.
    pub(super) async fn expire(self) {
        if matches!(&*self.found.borrow(), Some(Found { body: Body::Waiting(_), .. })) {
            sleep(WAITS).await;
            drop(self.take());
        }
    }
}

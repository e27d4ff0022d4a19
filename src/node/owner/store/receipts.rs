//! Waits for the receipts of the peers that a file is sent to, and not for a peer that crawls while others have it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::crypto::NodeId;
use crate::limits::{CRAWL_BYTES, CRAWL_WINDOW};
use crate::node::handle::answers::Receipt;
use crate::node::handle::errors::ReplicaError;
use crate::node::meter::Meter;
use crate::node::peers::peer::Peer;

/// A receipt that is waited for.
pub(super) struct Waiting {
    peer: NodeId,
    receipt: oneshot::Receiver<Receipt>,
    pub(super) meter: Rc<Meter>,
    /// Whether the peer is slow.
    pub(super) is_slow: Rc<Cell<bool>>,
}

impl Waiting {
    /// Returns where the receipt of a peer is sent, and what waits for it.
    pub(super) fn new<S>(peer: &Peer<S>) -> (oneshot::Sender<Receipt>, Self) {
        let (done, receipt) = oneshot::channel();
        (done, Self { peer: peer.id, receipt, meter: Rc::default(), is_slow: peer.is_slow.clone() })
    }
}

/// Returns the receipt of a peer that is not sent a file, because others move and it does not.
pub(super) fn left_to_repair(peer: NodeId) -> Receipt {
    let reason = "it is slow, and is sent the file by repair".to_owned();
    Receipt { peer, outcome: Err(ReplicaError::Unreachable { reason }) }
}

/// Waits until every peer has answered, or until at least one has the file and those that have not answered crawl. The
/// exchanges with these go on.
pub(super) async fn all(mut waiting: Vec<Waiting>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    while !waiting.is_empty() {
        let has_any = receipts.iter().any(|receipt: &Receipt| receipt.outcome.is_ok());
        let meters: Vec<_> = waiting.iter().map(|waiting| waiting.meter.clone()).collect();
        tokio::select! {
            biased;
            receipt = next(&mut waiting) => receipts.push(receipt),
            () = crawl(&meters), if has_any => {
                for Waiting { peer, is_slow, .. } in waiting.drain(..) {
                    is_slow.set(true);
                    let reason = format!("it hardly moved for {} seconds while others took it", CRAWL_WINDOW.as_secs());
                    receipts.push(Receipt { peer, outcome: Err(ReplicaError::Unconfirmed { reason }) });
                }
            }
        }
    }
    receipts
}

/// Waits for the next receipt. An exchange that was given up has none: its peer was left behind.
async fn next(waiting: &mut Vec<Waiting>) -> Receipt {
    poll_fn(|cx| {
        for (index, one) in waiting.iter_mut().enumerate() {
            if let Poll::Ready(receipt) = Pin::new(&mut one.receipt).poll(cx) {
                let peer = waiting.remove(index).peer;
                return Poll::Ready(receipt.unwrap_or_else(|_| left_to_repair(peer)));
            }
        }
        Poll::Pending
    })
    .await
}

/// Waits until none of the exchanges moves fast enough.
async fn crawl(meters: &[Rc<Meter>]) {
    loop {
        let before: Vec<_> = meters.iter().map(|meter| meter.moved()).collect();
        sleep(CRAWL_WINDOW).await;
        if meters.iter().zip(before).all(|(meter, before)| meter.moved() - before < CRAWL_BYTES) {
            return;
        }
    }
}

//! Where peers that are away are said to be: by other peers, and by what this node remembers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::crypto::NodeId;
use crate::limits::SEEK_RETRY;
use crate::transport::Address;

/// A place to look for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) struct Hint {
    pub(in crate::node) peer: NodeId,
    pub(in crate::node) address: Address,
    /// Who says so: another peer, or this node of what it remembers.
    pub(in crate::node) from: NodeId,
}

/// The hints that wait to be followed. For each peer that is looked for there is at most one, or it is being followed.
#[derive(Default)]
pub(in crate::node) struct Hints {
    waiting: RefCell<VecDeque<Hint>>,
    /// The peers that a hint is about which waits or is being followed.
    looked_for: RefCell<BTreeSet<NodeId>>,
    /// When whose hint about whom was last taken.
    taken: RefCell<BTreeMap<(NodeId, NodeId), Instant>>,
    noted: Notify,
}

impl Hints {
    /// Takes a hint, unless its peer is being looked for, or the same node has given a hint about it a short time ago:
    /// who names wrong places keeps nobody from the right one.
    pub(super) fn note(&self, hint: Hint) {
        let mut taken = self.taken.borrow_mut();
        taken.retain(|_, at| at.elapsed() < SEEK_RETRY);
        if taken.contains_key(&(hint.from, hint.peer)) || !self.looked_for.borrow_mut().insert(hint.peer) {
            return;
        }
        taken.insert((hint.from, hint.peer), Instant::now());
        self.waiting.borrow_mut().push_back(hint);
        self.noted.notify_one();
    }

    /// Waits for the next hint. Its peer is looked for until [`done`](Self::done).
    pub(in crate::node) async fn next(&self) -> Hint {
        loop {
            let hint = self.waiting.borrow_mut().pop_front();
            match hint {
                Some(hint) => return hint,
                None => self.noted.notified().await,
            }
        }
    }

    /// Notes that a hint was followed.
    pub(in crate::node) fn done(&self, peer: NodeId) {
        self.looked_for.borrow_mut().remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    fn hint(peer: u8, from: u8, port: u16) -> Hint {
        let address = format!("10.0.0.1:{port}").parse().expect("an address");
        Hint { peer: NodeId([peer; 32]), address, from: NodeId([from; 32]) }
    }

    async fn next(hints: &Hints) -> Option<Hint> {
        timeout(Duration::from_millis(1), hints.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_hints_keep_nobody_from_the_right_one() {
        let (hints, wrong, right) = (Hints::default(), hint(1, 2, 1), hint(1, 3, 2));
        hints.note(wrong.clone());
        assert_eq!(next(&hints).await, Some(wrong.clone()));
        hints.note(right.clone());
        assert_eq!(next(&hints).await, None, "the peer is being looked for");
        hints.done(wrong.peer);
        hints.note(hint(1, 2, 3));
        assert_eq!(next(&hints).await, None, "the same node was believed a moment ago");
        hints.note(right.clone());
        assert_eq!(next(&hints).await, Some(right.clone()));
        hints.done(right.peer);
        sleep(SEEK_RETRY).await;
        hints.note(wrong.clone());
        assert_eq!(next(&hints).await, Some(wrong));
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_hints_is_bounded_by_the_peers_that_are_looked_for() {
        let hints = Hints::default();
        for port in 1..1000 {
            hints.note(hint(1, 2, port));
        }
        assert_eq!((hints.waiting.borrow().len(), hints.taken.borrow().len()), (1, 1));
    }
}

//! Connections that wait for the other side. In a full queue, a new connection takes the place of the oldest.
//!
//! A flood of silent connections only evicts itself. A peer that has the secret says its part as soon as it is
//! connected, so it has long left the queue before it could be the oldest.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// The places of a queue. Clones are the same queue.
#[derive(Clone)]
pub(super) struct EvictionQueue {
    oldest_first: Rc<RefCell<VecDeque<Waiting>>>,
    taken: Rc<Cell<u64>>,
    places: usize,
}

/// A connection that waits in its place.
struct Waiting {
    number: u64,
    lost: CancellationToken,
    left: CancellationToken,
}

/// One place, held for as long as this value lives or until the place is taken away.
pub(super) struct Place {
    number: u64,
    lost: CancellationToken,
    queue: EvictionQueue,
    _left: DropGuard,
}

impl EvictionQueue {
    pub(super) fn new(places: usize) -> Self {
        Self { oldest_first: Rc::default(), taken: Rc::default(), places }
    }

    /// Takes a free place or, if there is none, the place of the connection that has waited longest.
    pub(super) fn enter(&self) -> Place {
        let (number, lost, left) = (self.taken.get(), CancellationToken::new(), CancellationToken::new());
        self.taken.set(number + 1);
        if self.oldest_first.borrow().len() == self.places {
            drop(self.evict());
        }
        self.oldest_first.borrow_mut().push_back(Waiting { number, lost: lost.clone(), left: left.clone() });
        Place { number, lost, queue: self.clone(), _left: left.drop_guard() }
    }

    /// Takes its place away from the connection that has waited longest, if there is one. What is returned waits until
    /// that connection has left it, for this reason or because the other side has said something just before.
    pub(super) fn evict(&self) -> Option<WaitForCancellationFutureOwned> {
        let Waiting { lost, left, .. } = self.oldest_first.borrow_mut().pop_front()?;
        lost.cancel();
        Some(left.cancelled_owned())
    }
}

impl Default for EvictionQueue {
    /// Returns a queue that is never full.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Place {
    /// Waits until the place is taken away.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut oldest_first = self.queue.oldest_first.borrow_mut();
        if let Ok(index) = oldest_first.binary_search_by_key(&self.number, |waiting| waiting.number) {
            oldest_first.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_more_takes_the_place_of_the_oldest() {
        let queue = EvictionQueue::new(2);
        let places = [queue.enter(), queue.enter(), queue.enter()];
        assert_eq!(places.each_ref().map(|place| place.lost.is_cancelled()), [true, false, false]);
        let [_, second, third] = places;
        drop(second);
        let fourth = queue.enter();
        assert!(!third.lost.is_cancelled() && !fourth.lost.is_cancelled(), "there was a free place");
        assert!(queue.evict().is_some() && third.lost.is_cancelled() && !fourth.lost.is_cancelled());
        let mut left = Box::pin(queue.evict().expect("the fourth"));
        assert!(left.as_mut().now_or_never().is_none() && queue.evict().is_none());
        drop(fourth);
        assert!(left.now_or_never().is_some(), "it has left its place");
    }
}

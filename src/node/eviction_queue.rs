//! Connections that wait for the other side. In a full queue, a new connection takes the place of the oldest one of the
//! source that has most of them.
//!
//! A flood of silent connections only evicts itself. A peer at another address keeps its place, however slow it is; one
//! at the same address says its part as soon as it is connected, and has long left the queue before it is the oldest.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// The places of a queue for connections of sources `K`. Clones are the same queue.
#[derive(Clone)]
pub(super) struct EvictionQueue<K = ()> {
    oldest_first: Rc<RefCell<VecDeque<Waiting<K>>>>,
    taken: Rc<Cell<u64>>,
    places: usize,
}

/// A connection that waits in its place.
struct Waiting<K> {
    number: u64,
    source: K,
    lost: CancellationToken,
    left: CancellationToken,
}

/// One place, held for as long as this value lives or until the place is taken away.
pub(super) struct Place<K: Copy + Ord = ()> {
    number: u64,
    lost: CancellationToken,
    queue: EvictionQueue<K>,
    _left: DropGuard,
}

impl<K: Copy + Ord> EvictionQueue<K> {
    pub(super) fn new(places: usize) -> Self {
        Self { oldest_first: Rc::default(), taken: Rc::default(), places }
    }

    /// Takes a free place or, if there is none, the place of the connection that [`evict`](Self::evict) chooses; the
    /// newcomer counts for its source.
    pub(super) fn enter(&self, source: K) -> Place<K> {
        let (number, lost, left) = (self.taken.get(), CancellationToken::new(), CancellationToken::new());
        self.taken.set(number + 1);
        if self.oldest_first.borrow().len() == self.places {
            drop(self.evict_for(Some(source)));
        }
        self.oldest_first.borrow_mut().push_back(Waiting { number, source, lost: lost.clone(), left: left.clone() });
        Place { number, lost, queue: self.clone(), _left: left.drop_guard() }
    }

    /// Takes its place away from the connection that has waited longest of those of the source that has most, if there
    /// is one. Of two sources that have as many, it is the one whose connection has waited longer. What is returned
    /// waits until that connection has left its place, for this reason or because the other side has said something
    /// just before.
    pub(super) fn evict(&self) -> Option<WaitForCancellationFutureOwned> {
        self.evict_for(None)
    }

    fn evict_for(&self, newcomer: Option<K>) -> Option<WaitForCancellationFutureOwned> {
        let mut oldest_first = self.oldest_first.borrow_mut();
        let mut counts = BTreeMap::<K, usize>::new();
        let sources = oldest_first.iter().map(|waiting| waiting.source).chain(newcomer);
        sources.for_each(|source| *counts.entry(source).or_default() += 1);
        let most = counts.values().max()?;
        let chosen = oldest_first.iter().position(|waiting| counts[&waiting.source] == *most)?;
        let Waiting { lost, left, .. } = oldest_first.remove(chosen)?;
        lost.cancel();
        Some(left.cancelled_owned())
    }
}

impl Default for EvictionQueue<()> {
    /// Returns a queue that is never full.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl<K: Copy + Ord> Place<K> {
    /// Waits until the place is taken away.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl<K: Copy + Ord> Drop for Place<K> {
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
        let places = [queue.enter(()), queue.enter(()), queue.enter(())];
        assert_eq!(places.each_ref().map(|place| place.lost.is_cancelled()), [true, false, false]);
        let [_, second, third] = places;
        drop(second);
        let fourth = queue.enter(());
        assert!(!third.lost.is_cancelled() && !fourth.lost.is_cancelled(), "there was a free place");
        assert!(queue.evict().is_some() && third.lost.is_cancelled() && !fourth.lost.is_cancelled());
        let mut left = Box::pin(queue.evict().expect("the fourth"));
        assert!(left.as_mut().now_or_never().is_none() && queue.evict().is_none());
        drop(fourth);
        assert!(left.now_or_never().is_some(), "it has left its place");
    }

    #[test]
    fn a_source_with_many_connections_takes_no_place_of_one_with_few() {
        let queue = EvictionQueue::new(3);
        let places = ['a', 'b', 'b', 'b', 'c'].map(|source| queue.enter(source));
        let is_lost = || places.each_ref().map(|place| place.lost.is_cancelled());
        assert_eq!(is_lost(), [false, true, true, false, false]);
        let _further = queue.enter('d');
        assert_eq!(is_lost(), [true, true, true, false, false], "nobody had more than one");
        let _second = queue.enter('c');
        assert_eq!(is_lost(), [true, true, true, false, true], "no other source has two");
    }
}

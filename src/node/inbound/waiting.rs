//! Connections that wait for the other side: so many at most, and one more takes the place of the oldest.
//!
//! Who floods a node with connections that say nothing pushes out its own. A peer that has the secret says its part as
//! soon as it is connected, so it has long left when its turn would come.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

/// The places.
#[derive(Clone)]
pub(in crate::node) struct Waiting {
    oldest_first: Rc<RefCell<VecDeque<(u64, CancellationToken)>>>,
    taken: Rc<Cell<u64>>,
    places: usize,
}

/// One place, for as long as it lives or until it is taken away.
pub(super) struct Place {
    number: u64,
    lost: CancellationToken,
    waiting: Waiting,
}

impl Waiting {
    pub(in crate::node) fn new(places: usize) -> Self {
        Self { oldest_first: Rc::default(), taken: Rc::default(), places }
    }

    /// A place, from the one who has waited longest where there is no other.
    pub(super) fn enter(&self) -> Place {
        let (number, lost) = (self.taken.get(), CancellationToken::new());
        self.taken.set(number + 1);
        let mut oldest_first = self.oldest_first.borrow_mut();
        if oldest_first.len() == self.places
            && let Some((_, oldest)) = oldest_first.pop_front()
        {
            oldest.cancel();
        }
        oldest_first.push_back((number, lost.clone()));
        Place { number, lost, waiting: self.clone() }
    }
}

impl Place {
    /// Waits until it is taken away.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut oldest_first = self.waiting.oldest_first.borrow_mut();
        if let Ok(index) = oldest_first.binary_search_by_key(&self.number, |(number, _)| *number) {
            oldest_first.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_takes_the_place_of_the_oldest() {
        let waiting = Waiting::new(2);
        let places = [waiting.enter(), waiting.enter(), waiting.enter()];
        assert_eq!(places.each_ref().map(|place| place.lost.is_cancelled()), [true, false, false]);
        let [_, second, third] = places;
        drop(second);
        let fourth = waiting.enter();
        assert!(!third.lost.is_cancelled() && !fourth.lost.is_cancelled(), "there was a free place");
    }
}

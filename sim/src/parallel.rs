//! Work on many things at once, with the results in their order.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does the work for each of `0..count` on this many threads, and returns the results in that order.
///
/// # Panics
/// If the work panics.
pub(crate) fn map<T: Send>(jobs: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut results = Vec::with_capacity(count);
    in_order(jobs, count, work, |result| results.push(result));
    results
}

/// Does the work for each of `0..count` on this many threads, and hands over each result as soon as all before it are.
///
/// # Panics
/// If the work or `take` panics.
pub(crate) fn in_order<T: Send>(
    jobs: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    take: impl FnMut(T) + Send,
) {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((0, BTreeMap::new(), take));
    let share = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = work(index);
            let (taken, waiting, take) = &mut *results.lock().expect("no thread panics while it holds the results");
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(taken) {
                take(result);
                *taken += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(share);
        }
        share();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::{in_order, map};

    #[test]
    fn results_are_in_their_order_whichever_ends_first() {
        let has_ended = Barrier::new(2);
        let mut taken = Vec::new();
        // The first waits until the other thread has come to the last.
        let work = |index: usize| {
            if index != 1 {
                has_ended.wait();
            }
            index
        };
        in_order(2, 3, work, |index| taken.push(index));
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!(map(2, 0, work).len(), 0);
    }
}

//! Work on many things at once, with the results in their order.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does the work for each of `0..count` on this many threads, and returns the results in that order.
///
/// # Panics
/// If the work panics.
pub(crate) fn map<T: Send>(jobs: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let share = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = work(index);
            results.lock().expect("no thread panics while it holds the results").insert(index, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(share);
        }
        share();
    });
    results.into_inner().expect("every thread has ended").into_values().collect()
}

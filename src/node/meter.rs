//! How many bytes have moved in an exchange, for those who wait for it.

use std::cell::Cell;

use tokio::time::sleep;

use crate::limits::{CRAWL_BYTES, CRAWL_WINDOW};

/// Counts the bytes of an exchange.
#[derive(Default)]
pub(super) struct Meter {
    moved: Cell<u64>,
}

impl Meter {
    pub(super) fn add(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
    }

    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }

    /// Waits until less than [`CRAWL_BYTES`] have moved within a [`CRAWL_WINDOW`].
    pub(super) async fn crawls(&self) {
        loop {
            let before = self.moved();
            sleep(CRAWL_WINDOW).await;
            if self.moved() - before < CRAWL_BYTES {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_moves_fast_enough_does_not_crawl() {
        let meter = Meter::default();
        let moving = async {
            loop {
                meter.add(usize::try_from(CRAWL_BYTES).expect("small") / 4);
                sleep(CRAWL_WINDOW / 5).await;
            }
        };
        tokio::select! {
            biased;
            () = moving => {}
            crawls = timeout(10 * CRAWL_WINDOW, meter.crawls()) => assert!(crawls.is_err(), "it moves"),
        }
        timeout(2 * CRAWL_WINDOW, meter.crawls()).await.expect("nothing moves any more");
    }

    #[tokio::test(start_paused = true)]
    async fn less_than_the_bound_crawls_and_the_bound_does_not() {
        for (missing, crawls) in [(0, false), (1, true)] {
            let meter = Meter::default();
            let moving = async {
                sleep(CRAWL_WINDOW / 2).await;
                loop {
                    meter.add(usize::try_from(CRAWL_BYTES).expect("small") - missing);
                    sleep(CRAWL_WINDOW).await;
                }
            };
            tokio::select! {
                biased;
                () = moving => {}
                found = timeout(10 * CRAWL_WINDOW, meter.crawls()) => assert_eq!(found.is_ok(), crawls),
            }
        }
    }
}

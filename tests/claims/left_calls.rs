//! Calls whose callers have gone away hold nothing.

use std::time::Duration;

use dacapo::limits::CALLS_MAX;
use dacapo_sim::store::walkthrough::star::{self, key};
use tokio::time::timeout;

use crate::support::scripted::run;

#[test]
fn gets_whose_callers_have_left_hold_no_call() {
    run(async |_, origin| {
        star::store(&origin, 0).await?;
        origin.delete(&key(0)).await?;
        for peer in ["n3000", "n7000"] {
            turmoil::hold("n5000", peer);
        }
        for _ in 0..2 * CALLS_MAX {
            let left = timeout(Duration::from_millis(20), origin.get(&key(0))).await;
            assert!(left.is_err(), "nobody can answer: {left:?}");
        }
        assert!(timeout(Duration::from_secs(1), origin.status()).await.is_ok(), "the first search alone goes on");
        for peer in ["n3000", "n7000"] {
            turmoil::release("n5000", peer);
        }
        Ok(())
    });
}

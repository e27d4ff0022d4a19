//! Every call is answered and everything comes right within a deadline, and nothing panics. Source: the run itself.
//!
//! Cannot see: what takes long, but less than its deadline.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::host::{Host, name};
use crate::subject::Broken;

/// The longest that a call takes, whatever happens. Chosen: four messages and a chunk at a deadline of 20 seconds
/// each.
pub const CALL_DEADLINE: Duration = Duration::from_secs(100);

/// How long everything takes at most to come right after the faults. Chosen: a stalled exchange ends after 20
/// seconds, a dead connection is noticed after 10, and a dial waits up to 10.
pub const SETTLE_DEADLINE: Duration = Duration::from_secs(150);

/// Returns the promise of this oracle as broken.
pub fn broken(what: impl Into<String>) -> Broken {
    Broken::new("live", what)
}

/// Waits for the outcome of a call, up to the deadline.
///
/// # Errors
/// If the deadline passes first.
pub(crate) async fn answered<T>(
    calling: impl Future<Output = T>,
    number: usize,
    host: Host,
    call: impl fmt::Display,
) -> Result<T, Broken> {
    let seconds = CALL_DEADLINE.as_secs();
    let late = |_| broken(format!("call {number}, {} {call}, has no answer after {seconds} s", name(host)));
    timeout(CALL_DEADLINE, calling).await.map_err(late)
}

/// Waits until everything has come right, up to the deadline, and for as much longer as settling has asked for by then.
///
/// # Errors
/// If the deadline passes first, or settling finds a broken promise. `lacks` says what it waits for.
pub(crate) async fn settled(
    settling: impl Future<Output = Result<(), Broken>>,
    lacks: &RefCell<String>,
    longer: &Cell<Duration>,
) -> Result<(), Broken> {
    let late = async {
        sleep(SETTLE_DEADLINE).await;
        sleep(longer.get()).await;
    };
    tokio::select! {
        biased;
        settled = settling => settled,
        () = late => {
            let (lacks, seconds) = (lacks.borrow(), (SETTLE_DEADLINE + longer.get()).as_secs());
            let why = if lacks.is_empty() { String::new() } else { format!(": {lacks}") };
            Err(broken(format!("{seconds} seconds after the last fault not everything has come right{why}")))
        }
    }
}

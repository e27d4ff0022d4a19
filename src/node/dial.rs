//! Keeps a control connection to each configured peer.

use std::time::Duration;

use tokio::time::sleep;

use super::context::{Context, Shared};
use super::heartbeat;
use super::peers::control::Control;
use super::peers::open::open_as;
use crate::event::Event;
use crate::limits::{BACKOFF_MAX, BACKOFF_MIN};
use crate::membership::Dial;
use crate::platform::Platform;
use crate::protocol::Purpose;
use crate::seed::Rng;

/// Dials a configured peer, sends heartbeats while it is connected, and dials it again when it is lost, until the node
/// stops.
pub(super) async fn keep_connected<P: Platform>(context: Shared<P>, dial: Dial) {
    let Dial { address, node } = dial;
    let mut failures = 0;
    loop {
        context.tell(&Event::Dialled { address: address.clone() });
        match open_as(&context, &address, Purpose::Control, node).await {
            Ok(connection) => {
                failures = 0;
                let control = Control::attach(&context, connection.peer, Some(address.clone()), Some(&address));
                let end = heartbeat::beat(&context, connection, &control, &address).await;
                control.detach(&end);
                sleep(backoff(&context, failures)).await;
            }
            Err(error) => {
                let wait = backoff(&context, failures);
                failures += 1;
                let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                context.tell(&Event::DialFailed { address: address.clone(), reason: error.to_string(), retry_ms });
                sleep(wait).await;
            }
        }
    }
}

/// Returns how long to wait before the next dial. The wait doubles with each failure up to the bound; up to half of it
/// is taken off at random, so that nodes that lost the same peer do not all come back at once.
fn backoff<P: Platform>(context: &Context<P>, failures: u32) -> Duration {
    let full = BACKOFF_MIN.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX);
    let half = u32::try_from(full.as_millis() / 2).expect("the bound is far below 2^32 ms");
    let jitter = context.lanes.backoff.borrow_mut().next_u32() % half.max(1);
    full - Duration::from_millis(jitter.into())
}

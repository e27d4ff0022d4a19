//! Keeps a control connection to each configured peer.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{Context, Shared};
use super::heartbeat;
use super::peers::control::Control;
use super::peers::liveness::Way;
use super::peers::open::open_as;
use crate::event::Event;
use crate::limits::{
    BACKOFF_MAX, BACKOFF_MIN, DIAL_REASONS_TOLD_MAX, DIAL_TOLD_MAX, DIAL_TOLD_MIN, HEARTBEAT_INTERVAL,
};
use crate::membership::Dial;
use crate::platform::Platform;
use crate::protocol::Purpose;
use crate::seed::Rng;
use crate::transport::Address;

/// Dials a configured peer, sends heartbeats while it is connected, and dials it again when it is lost, until the node
/// stops or the address is forgotten.
pub(super) async fn keep_connected<P: Platform>(context: Shared<P>, dial: Dial) {
    let address = dial.address.clone();
    tokio::select! {
        biased;
        () = dial_until_forgotten(&context, dial) => {}
        () = is_forgotten(&context, &address) => {}
    }
}

/// Waits until an address is dialled no longer.
async fn is_forgotten<P: Platform>(context: &Context<P>, address: &Address) {
    context.members.until_not(|| context.peers.dials(address)).await;
}

/// Dials until the address is forgotten while the peer is connected.
async fn dial_until_forgotten<P: Platform>(context: &Shared<P>, dial: Dial) {
    let Dial { address, node } = dial;
    let (mut failures, mut told) = (0, Told::default());
    loop {
        // A node that was forgotten may be allowed again.
        context.members.until_not(|| node.is_some_and(|node| !context.members.admits(node))).await;
        context.tell(&Event::Dialled { address: address.clone() });
        let opened = open_as(context, &address, Purpose::Control, node).await;
        let opened = opened.and_then(|connection| {
            context.peers.room_for(connection.peer, &context.members)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => {
                told = Told::default();
                context.peers.note_answer(&address, connection.peer);
                let control = Control::attach(context, &connection, Way::Configured(address.clone())).await;
                let since = Instant::now();
                let end = tokio::select! {
                    biased;
                    () = is_forgotten(context, &address) => None,
                    end = heartbeat::beat(context, connection, &control, &address) => Some(end),
                };
                let Some(end) = end else { return control.detach(&"its address was forgotten") };
                control.detach(&end);
                // What ends before its first heartbeat, again and again, is as good as nothing.
                let was_short = since.elapsed() < HEARTBEAT_INTERVAL;
                failures = if was_short { failures } else { 0 };
                sleep(backoff(context, failures)).await;
                failures += u32::from(was_short);
            }
            Err(error) => {
                let wait = backoff(context, failures);
                failures += 1;
                let (reason, retry_ms) = (error.to_string(), u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                if told.is_due(&reason) {
                    context.tell(&Event::DialFailed { address: address.clone(), reason, retry_ms });
                }
                sleep(wait).await;
            }
        }
    }
}

/// When a failing dial was told. It is told at once, whenever its reason changes, and then at growing distances.
#[derive(Default)]
struct Told {
    reason: Option<String>,
    changes: u32,
    at: Option<Instant>,
    distance: Duration,
}

impl Told {
    /// Whether a failure is to be told. Notes that it is.
    fn is_due(&mut self, reason: &str) -> bool {
        let is_new = self.reason.as_deref() != Some(reason) && self.changes < DIAL_REASONS_TOLD_MAX;
        if !is_new && self.at.is_some_and(|at| at.elapsed() < self.distance) {
            return false;
        }
        self.changes += u32::from(is_new);
        self.distance = if is_new { DIAL_TOLD_MIN } else { (2 * self.distance).min(DIAL_TOLD_MAX) };
        (self.reason, self.at) = (Some(reason.to_owned()), Some(Instant::now()));
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_dial_is_told_at_growing_distances_and_when_its_reason_changes() {
        let mut told = Told::default();
        assert!(told.is_due("refused") && !told.is_due("refused") && told.is_due("no answer"));
        let mut count = 0;
        for _ in 0..24 * 60 * 6 {
            sleep(Duration::from_secs(10)).await;
            count += u32::from(told.is_due("no answer"));
        }
        assert!((20..40).contains(&count), "{count} in a day");
        for _ in 0..1000 {
            count += u32::from(told.is_due("refused")) + u32::from(told.is_due("no answer"));
        }
        assert!(count < 50, "two reasons in turn: {count}");
    }
}

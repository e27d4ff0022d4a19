//! Follows hints about peers that are away: dials them where others say, or this node remembers, that they are. Whoever
//! answers there has to prove to be the peer, so a false word costs a dial.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::context::{Context, Shared};
use super::heartbeat;
use super::peers::control::Control;
use super::peers::hints::Hint;
use super::peers::liveness::Way;
use super::peers::open::open_as;
use super::peers::seek;
use crate::event::Event;
use crate::limits::{FOLLOWED_MAX, SEEK_AFTER_START, SEEK_RETRY};
use crate::platform::Platform;
use crate::protocol::Purpose;
use crate::seed::Rng;

/// Follows hints until the node stops, a bounded number at a time.
pub(super) async fn run<P: Platform>(context: Shared<P>) {
    let places = Arc::new(Semaphore::new(FOLLOWED_MAX));
    let mut remembers = Instant::now() + SEEK_AFTER_START;
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (context.peers.hints.next().await, place)
        };
        tokio::select! {
            biased;
            () = sleep_until(remembers) => {
                remembers = Instant::now() + pause(&context);
                seek::remember(&context);
            }
            (hint, place) = next => context.spawn(follow(context.clone(), hint, place)),
        }
    }
}

/// Returns how long to wait before the node looks again where it remembers to have seen peers. Two nodes that have lost
/// each other do not look at the same moments.
fn pause<P: Platform>(context: &Context<P>) -> Duration {
    let more = u32::try_from(SEEK_RETRY.as_millis() / 2).expect("the wait is far below 2^32 ms");
    SEEK_RETRY + Duration::from_millis((context.lanes.backoff.borrow_mut().next_u32() % more).into())
}

/// Dials a peer where it is said to be, and sends heartbeats for as long as it is connected there.
async fn follow<P: Platform>(context: Shared<P>, hint: Hint, place: OwnedSemaphorePermit) {
    let Hint { peer, address, from } = hint;
    let opened = open_as(&context, &address, Purpose::Control, Some(peer)).await;
    context.peers.hints.done(peer);
    drop(place);
    // Nobody is there, or another node; the next hint may be better.
    let Ok(connection) = opened else { return };
    // The peer has come by itself meanwhile. If both dial at the same moment, one of the two connections stays.
    let has_come = context.peers.find(peer).is_some_and(|peer| peer.is_connected());
    if (has_come && peer < context.keys.node()) || context.peers.room_for(peer, &context.members).is_err() {
        return;
    }
    context.tell(&Event::PeerFound { peer, address: address.clone(), through: from });
    let control = Control::attach(&context, &connection, Way::Found(address.clone())).await;
    let end = heartbeat::beat(&context, connection, &control, &address).await;
    control.detach(&end);
}

//! Finds peers that have moved: dials them where others, or the memory of this node, say that they are. Whoever answers
//! there has to prove that it is the peer, so a false word costs a dial.

use tokio::time::{Instant, sleep_until};

use super::context::Shared;
use super::heartbeat;
use super::peers::control::Control;
use super::peers::hints::Hint;
use super::peers::liveness::Way;
use super::peers::open::open_as;
use super::peers::seek;
use crate::event::Event;
use crate::limits::SEEK_RETRY;
use crate::platform::Platform;
use crate::protocol::Purpose;

/// Follows hints until the node stops.
pub(super) async fn run<P: Platform>(context: Shared<P>) {
    let mut remembers = Instant::now() + SEEK_RETRY;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(remembers) => {
                remembers += SEEK_RETRY;
                seek::remember(&context);
            }
            hint = context.peers.hints.next() => context.spawn(follow(context.clone(), hint)),
        }
    }
}

/// Dials a peer where it is said to be, and sends heartbeats for as long as it is connected there.
async fn follow<P: Platform>(context: Shared<P>, hint: Hint) {
    let Hint { peer, address, from } = hint;
    let opened = open_as(&context, &address, Purpose::Control, Some(peer)).await;
    context.peers.hints.done(peer);
    // Nobody is there, or another node; the next hint may be better. Or the peer has come by itself meanwhile.
    let Ok(connection) = opened else { return };
    if context.peers.find(peer).is_some_and(|peer| peer.is_connected()) {
        return;
    }
    let through = (from != context.keys.node()).then_some(from);
    context.tell(&Event::PeerFound { peer, address: address.clone(), through });
    let control = Control::attach(&context, &connection, Way::Found(address.clone())).await;
    let end = heartbeat::beat(&context, connection, &control, &address).await;
    control.detach(&end);
}

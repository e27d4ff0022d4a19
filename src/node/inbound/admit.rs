//! Leads an accepted connection to its welcome. Until a caller has shown that it knows the cluster secret, it only
//! competes with other strangers for a place.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::seen_handshakes::SeenHandshakes;
use crate::crypto::NodeId;
use crate::limits::{
    CONTROLS_PER_PEER_MAX, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, INBOUND_CONNECTIONS_MAX, INBOUND_CONTROLS_MAX,
    INBOUND_OPEN_PER_PEER_MAX, INBOUND_PER_PEER_MAX, PEERS_MAX, STRANGERS_MAX,
};
use crate::membership::Admission;
use crate::node::boots::{InboundPlace, PeerBoot};
use crate::node::connection::Connection;
use crate::node::context::{Context, Stream};
use crate::node::eviction_queue::{EvictionQueue, Place};
use crate::node::link::{self, Credentials, Knock, LinkError};
use crate::platform::Platform;
use crate::protocol::{Hello, Purpose, Verdict};

/// Bounds the incoming connections of a node.
pub(super) struct Door {
    places: Arc<Semaphore>,
    controls: Arc<Semaphore>,
    strangers: EvictionQueue<IpAddr>,
    handshakes: EvictionQueue<IpAddr>,
    seen: SeenHandshakes,
}

/// A connection after the welcome.
pub(super) struct Admitted<S> {
    pub(super) connection: Connection<S>,
    pub(super) hello: Hello,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(INBOUND_CONNECTIONS_MAX)),
            controls: Arc::new(Semaphore::new(INBOUND_CONTROLS_MAX)),
            strangers: EvictionQueue::new(STRANGERS_MAX),
            handshakes: EvictionQueue::new(HANDSHAKES_MAX),
            seen: SeenHandshakes::default(),
        }
    }
}

impl Door {
    /// Does the handshake with a caller, and welcomes the caller if it is admitted and there is room.
    pub(super) async fn admit<P: Platform>(
        &self,
        context: &Context<P>,
        stream: Stream<P>,
        from: IpAddr,
    ) -> Result<Admitted<Stream<P>>, LinkError> {
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let credentials = context.credentials()?;
        let source = source(from);
        let place = self.strangers.enter(source);
        let knock = unless_evicted(place, deadline, link::knock(stream, &credentials)).await?;
        if !self.seen.is_new(knock.ephemeral) {
            return Err(LinkError::Repeated);
        }
        let place = self.handshakes.enter(source);
        unless_evicted(place, deadline, self.welcome(context, knock, &credentials)).await
    }

    async fn welcome<P: Platform>(
        &self,
        context: &Context<P>,
        knock: Knock<Stream<P>>,
        credentials: &Credentials<'_>,
    ) -> Result<Admitted<Stream<P>>, LinkError> {
        let (mut records, peer, hello) = knock.open(credentials).await?;
        let admission = context.members.admission(peer);
        if admission != Admission::Admitted {
            link::welcome(&mut records, Verdict::NotAdmitted, context.boot).await?;
            return Err(LinkError::TurnedAway(admission));
        }
        // If the peer has started again, what it held before is free before the room is counted.
        let boot = context.boots.enter(peer, hello.boot);
        let Some(place) = self.place_for(context, peer, &boot, hello.purpose).await else {
            link::welcome(&mut records, Verdict::Full, context.boot).await?;
            return Err(LinkError::Full);
        };
        link::welcome(&mut records, Verdict::Accepted, context.boot).await?;
        let connection =
            Connection::new(records, peer, context.members.clone(), boot, context.events.clone()).in_place(place);
        Ok(Admitted { connection, hello })
    }

    /// Returns a place for one more connection of a peer, if there is room. No peer takes the places of the others for
    /// longer than it asks something on them.
    async fn place_for<P: Platform>(
        &self,
        context: &Context<P>,
        peer: NodeId,
        boot: &PeerBoot,
        purpose: Purpose,
    ) -> Option<InboundPlace> {
        // What held before a wait need not hold after it.
        while self.is_welcome(context, peer, purpose) {
            let places = if purpose == Purpose::Control { &self.controls } else { &self.places };
            if let Ok(of_node) = places.clone().try_acquire_owned() {
                return Some(context.boots.take_place((peer, boot), purpose, of_node));
            }
            if purpose == Purpose::Control || !make_room(context).await {
                return None;
            }
        }
        None
    }

    /// Whether a peer may have one more connection of this kind.
    fn is_welcome<P: Platform>(&self, context: &Context<P>, peer: NodeId, purpose: Purpose) -> bool {
        let inbound = context.boots.inbound(peer, purpose);
        let (max, is_wanted) = match purpose {
            Purpose::Control => {
                let is_spare = inbound == 0 || self.controls.available_permits() > PEERS_MAX;
                (CONTROLS_PER_PEER_MAX, is_spare && context.peers.room_for(peer, &context.members).is_ok())
            }
            Purpose::DialerAsks => (INBOUND_PER_PEER_MAX, true),
            Purpose::AcceptorAsks => {
                (INBOUND_PER_PEER_MAX, context.peers.find(peer).is_some_and(|peer| peer.is_connected()))
            }
        };
        is_wanted && inbound < max && context.boots.open(peer) < INBOUND_OPEN_PER_PEER_MAX
    }
}

/// Closes the connection on which longest nothing was asked, or else the one on which this node has longest asked
/// nothing. Returns whether there was one. A question may have come on it just before, and then it keeps its place.
async fn make_room<P: Platform>(context: &Context<P>) -> bool {
    match context.holder.idle.evict() {
        Some(left) => {
            left.await;
            true
        }
        None => context.peers.drop_idle_in_place(),
    }
}

/// Returns what counts as one source of connections: an address, or the network of an IPv6 address. Whoever has one
/// IPv6 address mostly has all 2^64 of its network (RFC 4291, section 2.5.1).
fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Does work within a deadline, and gives the work up if its place is taken away.
async fn unless_evicted<T>(
    place: Place<IpAddr>,
    deadline: Instant,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    tokio::select! {
        biased;
        () = place.lost() => Err(LinkError::Crowded),
        done = timeout_at(deadline, work) => done.unwrap_or(Err(LinkError::Late)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::{Idle, poll_once, run};
    use crate::protocol::BootId;

    #[test]
    fn the_addresses_of_one_network_are_one_source() {
        let [one, other, mapped, near, far] =
            ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "2001:db8::1", "2001:db8:0:1::1"]
                .map(|address| source(address.parse().expect("an address")));
        assert!(one != other && one == mapped && near != far);
        assert_eq!(near, source("2001:db8::ffff:0:0:1".parse().expect("an address")));
    }

    #[test]
    fn who_waits_for_a_place_evicts_until_one_is_free_and_is_looked_at_once_more() {
        run(async {
            for has_many_meanwhile in [false, true] {
                let node = Idle::new();
                let (context, [first, second]) = (&node.context, [1, 2].map(|number| NodeId([number; 32])));
                let door = Door { places: Arc::new(Semaphore::new(2)), ..Door::default() };
                let boots = [first, second].map(|peer| context.boots.enter(peer, BootId::default()));
                let asks = Purpose::DialerAsks;
                let kept = door.place_for(context, first, &boots[0], asks).await.expect("room");
                let free_soon = door.place_for(context, first, &boots[0], asks).await.expect("room");
                let [asked, idle] = [context.holder.idle.enter(()), context.holder.idle.enter(())];
                let mut waiting = Box::pin(door.place_for(context, second, &boots[1], asks));
                assert!(poll_once(&mut waiting).await.is_pending());
                // A question has come on it just before, and it goes on with its place.
                drop(asked);
                assert!(poll_once(&mut waiting).await.is_pending());
                let many = Arc::new(Semaphore::new(INBOUND_PER_PEER_MAX));
                let more = if has_many_meanwhile { INBOUND_PER_PEER_MAX } else { 0 };
                let place = |_| {
                    let of_node = many.clone().try_acquire_owned().expect("room");
                    context.boots.take_place((second, &boots[1]), asks, of_node)
                };
                let more: Vec<_> = (0..more).map(place).collect();
                drop((free_soon, idle));
                assert!(waiting.await.is_none() == has_many_meanwhile);
                drop((kept, more));
            }
        });
    }
}

//! Leads an accepted connection to its welcome. Until a caller has shown that it knows the cluster secret, it only
//! competes with other strangers for a place.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::seen_handshakes::SeenHandshakes;
use crate::crypto::NodeId;
use crate::limits::{
    CONTROLS_PER_PEER_MAX, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, INBOUND_CONNECTIONS_MAX, INBOUND_CONTROLS_MAX,
    INBOUND_OPEN_PER_PEER_MAX, INBOUND_PER_PEER_MAX, STRANGERS_MAX,
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
    strangers: EvictionQueue,
    handshakes: EvictionQueue,
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
    ) -> Result<Admitted<Stream<P>>, LinkError> {
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let credentials = context.credentials()?;
        let place = self.strangers.enter();
        let knock = unless_evicted(place, deadline, link::knock(stream, &credentials)).await?;
        if !self.seen.is_new(knock.ephemeral) {
            return Err(LinkError::Repeated);
        }
        let place = self.handshakes.enter();
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
        let (max, is_wanted) = match purpose {
            Purpose::Control => (CONTROLS_PER_PEER_MAX, context.peers.has_room_for(peer)),
            Purpose::DialerAsks => (INBOUND_PER_PEER_MAX, true),
            Purpose::AcceptorAsks => {
                (INBOUND_PER_PEER_MAX, context.peers.find(peer).is_some_and(|peer| peer.is_connected()))
            }
        };
        if !is_wanted
            || context.boots.inbound(peer, purpose) >= max
            || context.boots.open(peer) >= INBOUND_OPEN_PER_PEER_MAX
        {
            return None;
        }
        let of_node = match purpose {
            Purpose::Control => self.controls.clone().try_acquire_owned().ok()?,
            Purpose::DialerAsks | Purpose::AcceptorAsks => self.place_to_ask(context).await?,
        };
        Some(context.boots.take_place((peer, boot), purpose, of_node))
    }

    /// Returns a place for a connection to ask on: if need be, that of the one on which longest nothing was asked.
    async fn place_to_ask<P: Platform>(&self, context: &Context<P>) -> Option<OwnedSemaphorePermit> {
        match self.places.clone().try_acquire_owned() {
            // It is free as soon as the connection that had it is closed.
            Err(_) if context.holder.idle.evict() => self.places.clone().acquire_owned().await.ok(),
            place => place.ok(),
        }
    }
}

/// Does work within a deadline, and gives the work up if its place is taken away.
async fn unless_evicted<T>(
    place: Place,
    deadline: Instant,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    tokio::select! {
        biased;
        () = place.lost() => Err(LinkError::Crowded),
        done = timeout_at(deadline, work) => done.unwrap_or(Err(LinkError::Late)),
    }
}

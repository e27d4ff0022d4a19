//! Answering a peer that asks: taking its replicas and giving them back.

mod give;
mod take;
mod tell;

use super::connection::Connection;
use super::{Inner, Shared, Stream};
use crate::crypto::NodeId;
use crate::event::Event;
use crate::limits::IDLE_SERVER_TIMEOUT;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::StoreError;
use give::give;
use take::{Offer, take};

pub(super) use tell::set_aside;

/// Answers exchange after exchange until the peer closes the connection, breaks the protocol, or is silent.
pub(super) async fn run<P: Platform>(inner: &Shared<P>, mut connection: Connection<Stream<P>>) {
    let peer = connection.peer;
    loop {
        let result = match connection.receive_within(IDLE_SERVER_TIMEOUT).await {
            Ok(Message::StoreFile { owner, hashed, version, sealed_bytes }) => {
                let offer = Offer { owner, hashed, version, sealed_bytes };
                take(inner, &mut connection, offer).await
            }
            Ok(Message::GetFile { owner, hashed }) => give(inner, &mut connection, owner, hashed).await,
            Ok(Message::Summarise { group }) => connection.send(&tell::summarise(inner, peer, group).await).await,
            Ok(Message::ListLeaf { leaf, after }) => {
                connection.send(&tell::list_leaf(inner, peer, leaf, after).await).await
            }
            Ok(Message::CheckFile { hashed }) => connection.send(&tell::check(inner, peer, hashed).await).await,
            Ok(Message::ReleaseFile { hashed, version }) => {
                connection.send(&tell::release(inner, peer, hashed, version).await).await
            }
            Ok(Message::DeleteFile { hashed, tombstone }) => {
                connection.send(&tell::delete(inner, peer, hashed, tombstone).await).await
            }
            Ok(other) => {
                let found = other.name();
                // The refusal is a courtesy; the connection ends either way.
                drop(connection.send(&Message::Refused(Refusal::Unexpected)).await);
                Err(WireError::Unexpected { expected: "a question", found })
            }
            // Between two exchanges a peer may go without a word.
            Err(_) => return,
        };
        if let Err(error) = result {
            return inner.tell(&Event::ExchangeFailed { peer, reason: error.to_string() });
        }
    }
}

impl<P: Platform> Inner<P> {
    /// Counts what a peer asked for and may not have.
    fn count_refusal(&self, peer: NodeId, refusal: &Refusal) {
        use Refusal::{NotOwner, QuotaBytes, QuotaDeleted, QuotaFiles};
        if !matches!(refusal, NotOwner | QuotaBytes { .. } | QuotaFiles { .. } | QuotaDeleted) {
            return;
        }
        let count = self.peers.refused.count(peer);
        // The first one, and then less and less often: who asks again and again fills no log.
        if count.is_power_of_two() {
            self.tell(&Event::RequestRefused { peer, reason: refusal.to_string(), count });
        }
    }
}

fn unexpected(expected: &'static str, came: Result<Message, WireError>) -> WireError {
    match came {
        Ok(message) => WireError::Unexpected { expected, found: message.name() },
        Err(error) => error,
    }
}

pub(super) fn refusal_for(error: &StoreError) -> Refusal {
    if error.is_full() { Refusal::DiskFull } else { Refusal::DiskFailed }
}

//! Answers a peer that asks, exchange after exchange.

use std::future::pending;

use super::{check, compare, count, delete, give, release, take, whole};
use crate::event::Event;
use crate::limits::IDLE_SERVER_TIMEOUT;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use take::Offer;

/// Answers exchange after exchange until the peer closes the connection, breaks the protocol, or is silent for too
/// long.
pub(in crate::node) async fn run<P: Platform>(context: &Shared<P>, mut connection: Connection<Stream<P>>) {
    let peer = connection.peer;
    let mut begun = None;
    loop {
        let result = match question(context, &mut connection).await {
            Some(Message::StoreFile { owner, replica_name, version, sealed_bytes }) => {
                let offer = Offer { owner, replica_name, version, sealed_bytes };
                take::take(context, &mut connection, offer).await
            }
            Some(Message::GetFile { owner, replica_name }) => {
                give::give(context, &mut connection, owner, replica_name).await
            }
            Some(Message::Summarise { group }) => {
                connection.send(&compare::summarise(context, peer, group).await).await
            }
            Some(Message::ListLeaf { leaf, after }) => {
                connection.send(&compare::list_leaf(context, peer, leaf, after).await).await
            }
            Some(Message::CheckFile { replica_name }) => {
                connection.send(&check::check(context, peer, replica_name).await).await
            }
            Some(Message::VerifyFile { replica_name }) => {
                connection.send(&whole::verify(context, peer, replica_name, &mut begun).await).await
            }
            Some(Message::ReleaseFile { replica_name, version }) => {
                connection.send(&release::release(context, peer, replica_name, version).await).await
            }
            Some(Message::DeleteFile { replica_name, tombstone }) => {
                connection.send(&delete::delete(context, peer, replica_name, tombstone).await).await
            }
            Some(Message::NoteCount(noted)) => connection.send(&count::note(context, peer, noted).await).await,
            Some(Message::AskCount) => connection.send(&count::tell(context, peer).await).await,
            Some(other) => {
                let found = other.name();
                // The refusal is a courtesy; the connection ends either way.
                drop(connection.send(&Message::Refused(Refusal::Unexpected)).await);
                Err(WireError::Unexpected { expected: "a question", found })
            }
            // Between two exchanges a peer may leave without a word.
            None => return,
        };
        if let Err(error) = result {
            return context.tell(&Event::ExchangeFailed { peer, reason: error.to_string() });
        }
    }
}

/// Waits for the next question. Between two, a connection ends if another one needs its place, and if the peer is lost:
/// its connections are dead then, mostly without a sign of it.
async fn question<P: Platform>(context: &Shared<P>, connection: &mut Connection<Stream<P>>) -> Option<Message> {
    let boot = connection.boot().clone();
    let place = connection.has_place().then(|| context.holder.idle.enter(()));
    let is_evicted = async {
        match &place {
            Some(place) => place.lost().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        question = connection.receive_within(IDLE_SERVER_TIMEOUT) => question.ok(),
        () = boot.lost() => None,
        () = is_evicted => None,
    }
}

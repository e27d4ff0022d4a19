//! Answers a peer that asks, exchange after exchange.

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
        let result = match connection.receive_within(IDLE_SERVER_TIMEOUT).await {
            Ok(Message::StoreFile { owner, replica_name, version, sealed_bytes }) => {
                let offer = Offer { owner, replica_name, version, sealed_bytes };
                take::take(context, &mut connection, offer).await
            }
            Ok(Message::GetFile { owner, replica_name }) => {
                give::give(context, &mut connection, owner, replica_name).await
            }
            Ok(Message::Summarise { group }) => connection.send(&compare::summarise(context, peer, group).await).await,
            Ok(Message::ListLeaf { leaf, after }) => {
                connection.send(&compare::list_leaf(context, peer, leaf, after).await).await
            }
            Ok(Message::CheckFile { replica_name }) => {
                connection.send(&check::check(context, peer, replica_name).await).await
            }
            Ok(Message::VerifyFile { replica_name }) => {
                connection.send(&whole::verify(context, peer, replica_name, &mut begun).await).await
            }
            Ok(Message::ReleaseFile { replica_name, version }) => {
                connection.send(&release::release(context, peer, replica_name, version).await).await
            }
            Ok(Message::DeleteFile { replica_name, tombstone }) => {
                connection.send(&delete::delete(context, peer, replica_name, tombstone).await).await
            }
            Ok(Message::NoteCount(noted)) => connection.send(&count::note(context, peer, noted).await).await,
            Ok(Message::AskCount) => connection.send(&count::tell(context, peer).await).await,
            Ok(other) => {
                let found = other.name();
                // The refusal is a courtesy; the connection ends either way.
                drop(connection.send(&Message::Refused(Refusal::Unexpected)).await);
                Err(WireError::Unexpected { expected: "a question", found })
            }
            // Between two exchanges a peer may leave without a word.
            Err(_) => return,
        };
        if let Err(error) = result {
            return context.tell(&Event::ExchangeFailed { peer, reason: error.to_string() });
        }
    }
}

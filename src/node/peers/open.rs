//! Opens connections to other nodes, up to the welcome.

use std::io;

use tokio::time::timeout;

use crate::crypto::NodeId;
use crate::limits::{DIAL_TIMEOUT, HANDSHAKE_TIMEOUT, PROTOCOL_VERSION};
use crate::membership::Admission;
use crate::node::connection::Connection;
use crate::node::context::{Context, Stream};
use crate::node::link::{self, LinkError};
use crate::node::peers::NoRoom;
use crate::platform::Platform;
use crate::protocol::{Hello, Purpose};
use crate::transport::{Address, Transport};

/// Why no connection was opened.
#[derive(Debug, thiserror::Error)]
pub(in crate::node) enum OpenError {
    /// The address could not be dialled.
    #[error("{0}")]
    Dial(io::Error),
    /// The dial was not answered in time.
    #[error("no answer in {} seconds", DIAL_TIMEOUT.as_secs())]
    NoAnswer,
    /// The other side ended the handshake.
    #[error("it closed the connection during the handshake: it has another cluster secret, is busy, or is no node")]
    Closed,
    /// The handshake failed.
    #[error("{0}")]
    Link(LinkError),
    /// The handshake took too long.
    #[error("no handshake in {} seconds", HANDSHAKE_TIMEOUT.as_secs())]
    Late,
    /// This node does not admit the other side.
    #[error("{0}")]
    TurnedAway(Admission),
    /// This node has as many peers as it can.
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
    /// Another node listens at the address.
    #[error("another node answers there: {}, not {}", found.short(), expected.short())]
    OtherNode { found: NodeId, expected: NodeId },
}

/// Opens one connection. If `expected` names a node, any other node that answers is an error.
pub(in crate::node) async fn open_as<P: Platform>(
    context: &Context<P>,
    address: &Address,
    purpose: Purpose,
    expected: Option<NodeId>,
) -> Result<Connection<Stream<P>>, OpenError> {
    let connection = open(context, address, purpose).await?;
    match expected.filter(|expected| *expected != connection.peer) {
        Some(expected) => Err(OpenError::OtherNode { found: connection.peer, expected }),
        None => Ok(connection),
    }
}

/// Opens one connection to whichever node answers.
async fn open<P: Platform>(
    context: &Context<P>,
    address: &Address,
    purpose: Purpose,
) -> Result<Connection<Stream<P>>, OpenError> {
    let dialing = timeout(DIAL_TIMEOUT, context.platform.transport().connect(address));
    let stream = dialing.await.map_err(|_| OpenError::NoAnswer)?.map_err(OpenError::Dial)?;
    let credentials = context.credentials().map_err(OpenError::Link)?;
    let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: context.listen_port, purpose, boot: context.boot };
    match timeout(HANDSHAKE_TIMEOUT, link::dial(stream, &credentials, hello)).await {
        Ok(Ok((records, peer, welcome))) => match context.members.admission(peer) {
            Admission::Admitted => {
                let boot = context.boots.enter(peer, welcome.boot);
                Ok(Connection::new(records, peer, context.members.clone(), boot, context.events.clone()))
            }
            refused => Err(OpenError::TurnedAway(refused)),
        },
        Ok(Err(LinkError::Io(_))) => Err(OpenError::Closed),
        Ok(Err(error)) => Err(OpenError::Link(error)),
        Err(_) => Err(OpenError::Late),
    }
}

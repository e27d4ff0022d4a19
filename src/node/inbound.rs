//! Incoming connections: bounded in number, with a deadline on the handshake, and dropped without a word if the other
//! side is not a node of this cluster.

mod admit;
mod drop_log;
mod seen_handshakes;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::context::{Shared, Stream};
use super::heartbeat;
use super::holder::serve;
use super::peers::control::Control;
use super::peers::liveness::Way;
use crate::platform::Platform;
use crate::protocol::Purpose;
use crate::transport::{Address, Transport};
use admit::{Admitted, Door};
use drop_log::DropLog;

/// How long to wait after a failed accept, which mostly means that the process is out of file descriptors. Chosen:
/// short for a peer that waits, and long enough not to spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections until the node stops.
pub(super) async fn run<P: Platform>(context: Shared<P>, mut listener: <P::Transport as Transport>::Listener) {
    let (door, drop_log) = (Rc::new(Door::default()), Rc::new(DropLog::default()));
    loop {
        let (stream, from) = match context.platform.transport().accept(&mut listener).await {
            Ok(accepted) => accepted,
            Err(_) => {
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        context.spawn(receive(context.clone(), door.clone(), drop_log.clone(), stream, from));
    }
}

/// Admits a connection and serves it to its end.
async fn receive<P: Platform>(
    context: Shared<P>,
    door: Rc<Door>,
    drop_log: Rc<DropLog>,
    stream: Stream<P>,
    from: SocketAddr,
) {
    match door.admit(&context, stream, from.ip()).await {
        Ok(admitted) => serve_peer(&context, admitted, from).await,
        Err(error) => drop_log.note(&context, from, &error),
    }
}

async fn serve_peer<P: Platform>(context: &Shared<P>, admitted: Admitted<Stream<P>>, from: SocketAddr) {
    let Admitted { mut connection, hello } = admitted;
    match hello.purpose {
        // The peer may have been forgotten while the welcome was on its way.
        _ if !context.members.admits(connection.peer) => {}
        Purpose::Control => {
            // The peer says on which port it listens; its host is the one that the connection comes from.
            let mut listens = from;
            listens.set_port(hello.listen_port);
            let said = (hello.listen_port != 0).then(|| Address::from(listens));
            let way = Way::Inbound { from: Address::from(from), said };
            // Until then the other side may have looked for somebody else here.
            let Ok(first) = heartbeat::next::<P>(&mut connection).await else { return };
            let control = Control::attach(context, &connection, way).await;
            let end = heartbeat::answer(context, connection, &control, first).await;
            control.detach(&end);
        }
        Purpose::DialerAsks => serve::run(context, connection).await,
        Purpose::AcceptorAsks => {
            if let Some(peer) = context.peers.find(connection.peer) {
                peer.offer(connection);
            }
        }
    }
}

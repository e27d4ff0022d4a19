//! The node's end of the control socket: takes a bounded number of clients at once, and serves each in a task of its
//! own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dacapo::node::Handle;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::failure::Failure;
use super::message::Answer;
use super::session::{self, Served};
use super::socket::Socket;
use super::wire;
use crate::cli::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_VERSION, FAREWELL_TIMEOUT};
use crate::cli::logging;

/// Why a node cannot be asked by commands.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the control socket {}: {source}", path.display())]
pub(crate) struct SocketError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Serves clients until it is closed. Dropping it removes the socket.
pub(crate) struct Server {
    served: Served,
    sessions: TaskTracker,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Opens the socket of a data directory whose lock this process holds. Needs a `LocalSet`.
    pub(crate) fn start(data: &Path, handle: Handle) -> Result<Self, SocketError> {
        let socket = Socket::bind(data).map_err(|source| SocketError { path: data.join("control.sock"), source })?;
        let served = Served::new(handle);
        let sessions = TaskTracker::new();
        let accepting = tokio::task::spawn_local(accept(socket, served.clone(), sessions.clone()));
        Ok(Self { served, sessions, accepting })
    }

    /// Waits until a client wants the node to stop.
    pub(crate) async fn stop_wanted(&self) {
        self.served.stop_wanted.cancelled().await;
    }

    /// Stops taking clients and removes the socket. Clients that are being served stay.
    pub(crate) async fn close(&mut self) {
        self.accepting.abort();
        // It ends as cancelled, or has ended before; either way its socket is dropped.
        drop((&mut self.accepting).await);
    }

    /// Tells the clients that the node has stopped, and gives them a moment to take their answers.
    pub(crate) async fn farewell(self) {
        self.served.stopped.cancel();
        // What waits for its turn asks the node, and hears that it has stopped.
        self.served.turns.close();
        self.sessions.close();
        // A client that does not take its answer in time sees a closed connection.
        drop(timeout(FAREWELL_TIMEOUT, self.sessions.wait()).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(socket: Socket, served: Served, sessions: TaskTracker) {
    let slots = Arc::new(Semaphore::new(CONTROL_CONNECTIONS_MAX));
    loop {
        let stream = match socket.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                logging::warn("", format_args!("cannot accept a client: {error}"));
                // What ran out, such as file descriptors, may come back.
                sleep(FAREWELL_TIMEOUT).await;
                continue;
            }
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            turn_away(&stream);
            continue;
        };
        let served = served.clone();
        sessions.spawn_local(async move {
            let (reader, writer) = stream.into_split();
            session::serve(&served, BufReader::new(reader), writer).await;
            drop(slot);
        });
    }
}

/// Tells a client that there is no room, without waiting for it.
fn turn_away(stream: &UnixStream) {
    let reason = format!("the node has {CONTROL_CONNECTIONS_MAX} other commands; try again later");
    let mut bytes = vec![CONTROL_VERSION];
    bytes.extend(wire::encode(&Answer::Failed(Failure::failed(&reason))));
    // A fresh connection has room for it; a client that does not get it sees a closed connection.
    drop(stream.try_write(&bytes));
}

//! A command's end of the control socket.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::message::{Answer, Request};
use super::socket;
use super::wire::{self, ControlError, Frame};
use crate::cli::limits::{ANSWER_BYTES_MAX, CONTROL_VERSION};

/// Why a command does not reach the node of a data directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("no node is running on {}; start one with `dacapo node`", data.display())]
    NoNode { data: PathBuf },
    #[error("cannot reach the node on {}: {source}", data.display())]
    Unreachable { data: PathBuf, source: io::Error },
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// One request to a node, and what comes back.
pub(crate) struct Client {
    stream: UnixStream,
    is_greeted: bool,
}

impl Client {
    /// Connects with the node on a data directory and sends the request.
    pub(crate) async fn ask(data: &Path, request: &Request) -> Result<Self, ConnectError> {
        let stream = socket::connect(data).await.map_err(|source| match source.kind() {
            // Nobody listens on a socket that a dead node left.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ConnectError::NoNode { data: data.to_owned() }
            }
            _ => ConnectError::Unreachable { data: data.to_owned(), source },
        })?;
        let mut client = Self { stream, is_greeted: false };
        let mut bytes = vec![CONTROL_VERSION];
        bytes.extend(wire::encode(request));
        match client.stream.write_all(&bytes).await.map_err(ControlError::from) {
            // A node that turns a client away has its reason on the way already.
            Ok(()) | Err(ControlError::Closed) => Ok(client),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a piece of content; an empty one ends it.
    pub(crate) async fn send(&mut self, content: &[u8]) -> Result<(), ControlError> {
        wire::write_content(&mut self.stream, content).await
    }

    /// Receives the next frame.
    pub(crate) async fn frame(&mut self) -> Result<Frame, ControlError> {
        if !self.is_greeted {
            wire::read_version(&mut self.stream).await?;
            self.is_greeted = true;
        }
        wire::read_frame(&mut self.stream, ANSWER_BYTES_MAX).await
    }

    /// Receives an answer.
    pub(crate) async fn answer(&mut self) -> Result<Answer, ControlError> {
        match self.frame().await? {
            Frame::Message(payload) => Answer::decode(&payload),
            Frame::Chunk(_) => Err(ControlError::Unexpected),
        }
    }
}

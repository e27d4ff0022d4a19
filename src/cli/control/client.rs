//! A command's end of the control socket.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::message::{Answer, Request};
use super::socket;
use super::wire::{self, ControlError, Frame, within};
use crate::cli::limits::{ANSWER_BYTES_MAX, CONTROL_VERSION, NODE_SILENCE_TIMEOUT, NODE_STALL_TIMEOUT};

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

/// A connection to a node: requests, and what comes back.
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    /// Whether this side has said which version it speaks, and the node too.
    has_greeted: bool,
    is_greeted: bool,
}

impl Client {
    /// Connects with the node on a data directory and sends a request.
    pub(crate) async fn ask(data: &Path, request: &Request) -> Result<Self, ConnectError> {
        let mut client = Self::connect(data).await?;
        client.request(request, None).await?;
        Ok(client)
    }

    /// Connects with the node on a data directory.
    pub(crate) async fn connect(data: &Path) -> Result<Self, ConnectError> {
        let stream = socket::connect(data).await.map_err(|source| match source.kind() {
            // Nobody listens on a socket that a dead node left.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ConnectError::NoNode { data: data.to_owned() }
            }
            _ => ConnectError::Unreachable { data: data.to_owned(), source },
        })?;
        Ok(Self { stream: BufReader::new(stream), has_greeted: false, is_greeted: false })
    }

    /// Sends a request, and in the same piece all of its content if that is given. The answer to the request before it
    /// has come.
    pub(crate) async fn request(&mut self, request: &Request, content: Option<&[u8]>) -> Result<(), ControlError> {
        let mut bytes = if self.has_greeted { Vec::new() } else { vec![CONTROL_VERSION] };
        self.has_greeted = true;
        bytes.extend(wire::encode(request));
        if let Some(content) = content {
            // A vector takes all at once.
            if !content.is_empty() {
                wire::write_content(&mut bytes, content).await?;
            }
            wire::write_content(&mut bytes, &[]).await?;
        }
        match within(NODE_SILENCE_TIMEOUT, async { Ok(self.stream.write_all(&bytes).await?) }).await {
            // A node that turns a client away has its reason on the way already.
            Ok(()) | Err(ControlError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends a piece of content; an empty one ends it.
    pub(crate) async fn send(&mut self, content: &[u8]) -> Result<(), ControlError> {
        within(NODE_STALL_TIMEOUT, wire::write_content(&mut self.stream, content)).await
    }

    /// Receives the next frame. Gives a node up that says nothing for a while, such as one that was frozen.
    pub(crate) async fn frame(&mut self) -> Result<Frame, ControlError> {
        within(NODE_SILENCE_TIMEOUT, async {
            if !self.is_greeted {
                wire::read_version(&mut self.stream).await?;
                self.is_greeted = true;
            }
            wire::read_frame(&mut self.stream, ANSWER_BYTES_MAX).await
        })
        .await
    }

    /// Receives an answer, however long the node works on it.
    pub(crate) async fn answer(&mut self) -> Result<Answer, ControlError> {
        loop {
            match self.frame().await? {
                Frame::Message(payload) => match Answer::decode(&payload)? {
                    Answer::Working => {}
                    answer => return Ok(answer),
                },
                Frame::Chunk(_) => return Err(ControlError::Unexpected),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixListener;
    use tokio::time::sleep;

    use super::*;
    use crate::cli::limits::SIGN_INTERVAL;

    /// Asks a node that works on its answer for so many signs, and then answers or is frozen.
    async fn answer_after(signs: u32, is_frozen: bool) -> Result<Answer, ControlError> {
        let data = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(data.path().join("control.sock")).expect("a short path");
        let node = async {
            let (mut stream, _) = listener.accept().await?;
            stream.read_u8().await?;
            stream.write_u8(CONTROL_VERSION).await?;
            for _ in 0..signs {
                sleep(SIGN_INTERVAL).await;
                stream.write_all(&wire::encode(&Answer::Working)).await?;
            }
            if is_frozen {
                std::future::pending::<()>().await;
            }
            stream.write_all(&wire::encode(&Answer::Removed)).await
        };
        let client = async { Client::ask(data.path(), &Request::Peers).await.expect("it listens").answer().await };
        tokio::select! {
            biased;
            answer = client => answer,
            end = async { node.await.expect("the client listens"); std::future::pending().await } => end,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_works_is_waited_for_and_one_that_is_frozen_is_not() {
        assert!(matches!(answer_after(1000, false).await, Ok(Answer::Removed)));
        for signs in [0, 3] {
            assert!(matches!(answer_after(signs, true).await, Err(ControlError::Stalled { seconds: 30 })), "{signs}");
        }
    }
}

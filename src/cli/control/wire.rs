//! Frames of the control protocol. Any bytes may come: a frame that is malformed or longer than its bound is an error,
//! and no memory is taken before the bound is checked.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use dacapo::limits::CHUNK_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::cli::limits::{CLIENT_IDLE_TIMEOUT, CONTROL_VERSION};

const MESSAGE_TAG: u8 = 0x1;
const CHUNK_TAG: u8 = 0x2;

/// One frame. An empty chunk ends a content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Message(Vec<u8>),
    Chunk(Bytes),
}

/// Why a connection between a command and a node is of no further use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("the connection with the node was closed")]
    Closed,
    #[error("the connection with the node broke: {0}")]
    Io(#[source] io::Error),
    #[error("the other side speaks control protocol {theirs}, this side speaks {CONTROL_VERSION}")]
    Version { theirs: u8 },
    #[error("a control frame cannot begin with {found:#04x}")]
    Tag { found: u8 },
    #[error("a control frame of {bytes} bytes is longer than {max}")]
    TooLong { bytes: u64, max: usize },
    #[error("a control message is malformed")]
    Malformed,
    #[error("a control message came that has no place here")]
    Unexpected,
    #[error("the content ended early: {found} of {expected} bytes came")]
    Short { expected: u64, found: u64 },
    #[error("nothing moved for {seconds} seconds: the other side stands still")]
    Stalled { seconds: u64 },
    /// The user did not want to wait any longer.
    #[error("interrupted")]
    Interrupted,
}

impl From<io::Error> for ControlError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Encodes a message in its frame.
pub(crate) fn encode(message: &impl Serialize) -> Vec<u8> {
    let payload = postcard::to_stdvec(message).expect("plain data encodes");
    frame(MESSAGE_TAG, &payload)
}

/// Decodes the message that all of the bytes encode.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ControlError> {
    match postcard::take_from_bytes(payload) {
        Ok((message, [])) => Ok(message),
        _ => Err(ControlError::Malformed),
    }
}

/// Writes a message, and gives up if the other side does not take it.
pub(super) async fn send(writer: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> Result<(), ControlError> {
    within(CLIENT_IDLE_TIMEOUT, async { Ok(writer.write_all(&encode(message)).await?) }).await
}

/// Does some work, and gives it up after a time.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    let stalled = |_| ControlError::Stalled { seconds: limit.as_secs() };
    timeout(limit, work).await.map_err(stalled)?
}

/// Writes a piece of content of any length; an empty one ends the content.
pub(crate) async fn write_content(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), ControlError> {
    if bytes.is_empty() {
        return Ok(writer.write_all(&header(CHUNK_TAG, 0)).await?);
    }
    for chunk in bytes.chunks(CHUNK_BYTES) {
        writer.write_all(&header(CHUNK_TAG, chunk.len())).await?;
        writer.write_all(chunk).await?;
    }
    Ok(())
}

/// Reads the byte that precedes all frames of a direction.
pub(crate) async fn read_version(reader: &mut (impl AsyncRead + Unpin)) -> Result<(), ControlError> {
    match reader.read_u8().await? {
        CONTROL_VERSION => Ok(()),
        theirs => Err(ControlError::Version { theirs }),
    }
}

/// Reads one frame, whose message has at most `message_bytes_max` bytes.
pub(crate) async fn read_frame(
    reader: &mut (impl AsyncRead + Unpin),
    message_bytes_max: usize,
) -> Result<Frame, ControlError> {
    let tag = reader.read_u8().await?;
    let max = match tag {
        MESSAGE_TAG => message_bytes_max,
        CHUNK_TAG => CHUNK_BYTES,
        found => return Err(ControlError::Tag { found }),
    };
    let len = reader.read_u32_le().await?;
    let bytes = match usize::try_from(len) {
        Ok(bytes) if bytes <= max => bytes,
        _ => return Err(ControlError::TooLong { bytes: len.into(), max }),
    };
    let mut payload = vec![0; bytes];
    reader.read_exact(&mut payload).await?;
    Ok(if tag == MESSAGE_TAG { Frame::Message(payload) } else { Frame::Chunk(payload.into()) })
}

/// Reads one message.
pub(crate) async fn read_message<T: DeserializeOwned>(
    reader: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<T, ControlError> {
    match read_frame(reader, bytes_max).await? {
        Frame::Message(payload) => decode(&payload),
        Frame::Chunk(_) => Err(ControlError::Unexpected),
    }
}

fn header(tag: u8, len: usize) -> [u8; 5] {
    let [a, b, c, d] = u32::try_from(len).expect("frames are bounded").to_le_bytes();
    [tag, a, b, c, d]
}

fn frame(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(tag, payload.len()).to_vec();
    frame.extend_from_slice(payload);
    frame
}

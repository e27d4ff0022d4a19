//! Frames on a stream. Reading stops at the first byte that no frame has; deadlines are left to the caller.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{DecodeError, Message};
use crate::limits::MESSAGE_BYTES_MAX;

/// The tag of a message frame: `0x1`, the length as `u32` little-endian, the encoded message.
const MESSAGE_TAG: u8 = 0x1;

/// The tag of a sealed file: `0x2`, the length as `u64` little-endian, the bytes.
const STREAM_TAG: u8 = 0x2;

/// Why no frame could be read or written. The connection is of no further use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The other side closed the connection at a place where a frame could have begun.
    #[error("the connection was closed")]
    Closed,
    /// The stream broke.
    #[error("the connection broke: {0}")]
    Io(#[source] io::Error),
    /// The frame is not of the expected kind.
    #[error("expected a frame with tag {expected:#x}, found {found:#x}")]
    Tag {
        /// The tag of the expected kind.
        expected: u8,
        /// The byte that came.
        found: u8,
    },
    /// The frame holds no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The stream does not have the length that was announced.
    #[error("expected a stream of {expected} bytes, found {found}")]
    StreamLength {
        /// The announced length.
        expected: u64,
        /// The length in its frame.
        found: u64,
    },
    /// The message has no place here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What the exchange calls for.
        expected: &'static str,
        /// The message that came.
        found: &'static str,
    },
    /// Nothing moved for too long.
    #[error("nothing moved for {seconds} seconds")]
    Stalled {
        /// The deadline.
        seconds: u64,
    },
    /// The other side may no longer be a peer.
    #[error("it was turned away")]
    TurnedAway,
    /// The other side has started again since the connection was opened.
    #[error("a later start of it has connected")]
    Superseded,
}

impl WireError {
    /// Whether the other side has closed the connection. It may have done what it was asked, and its answer be lost.
    pub(crate) fn is_close(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match self {
            Self::Closed => true,
            Self::Io(error) => {
                matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
            }
            _ => false,
        }
    }
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the frame of an encoded message or hello.
///
/// # Panics
/// Panics if the payload has 4 GiB or more; no message comes near that.
#[must_use]
pub fn message_frame(payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("messages are bounded");
    let mut frame = Vec::with_capacity(5 + payload.len());
    frame.push(MESSAGE_TAG);
    frame.extend_from_slice(&len.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Returns the header that precedes a stream of `len` bytes.
#[must_use]
pub fn stream_header(len: u64) -> [u8; 9] {
    let mut header = [STREAM_TAG; 9];
    header[1..].copy_from_slice(&len.to_le_bytes());
    header
}

/// Reads one message frame and returns its payload.
pub(crate) async fn read_payload(reader: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, WireError> {
    expect_tag(reader, MESSAGE_TAG).await?;
    let len = reader.read_u32_le().await?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: len }.into());
    }
    let mut payload = vec![0; len];
    reader.read_exact(&mut payload).await?;
    Ok(payload)
}

/// Reads one message.
///
/// # Errors
/// [`WireError::Closed`] if the stream ends before the frame, otherwise what is wrong with the frame.
pub async fn read_message(reader: &mut (impl AsyncRead + Unpin)) -> Result<Message, WireError> {
    Ok(Message::decode(&read_payload(reader).await?)?)
}

/// Reads the header of a stream that was announced with a length of `expected` bytes.
///
/// # Errors
/// Fails if anything else comes, or a stream of another length.
pub async fn read_stream_header(reader: &mut (impl AsyncRead + Unpin), expected: u64) -> Result<(), WireError> {
    expect_tag(reader, STREAM_TAG).await?;
    let found = reader.read_u64_le().await?;
    if found == expected { Ok(()) } else { Err(WireError::StreamLength { expected, found }) }
}

async fn expect_tag(reader: &mut (impl AsyncRead + Unpin), expected: u8) -> Result<(), WireError> {
    let mut tag = [0];
    if reader.read(&mut tag).await? == 0 {
        return Err(WireError::Closed);
    }
    if tag[0] == expected { Ok(()) } else { Err(WireError::Tag { expected, found: tag[0] }) }
}

//! Content on its way between a caller and the node.

use std::io;
use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::io::AsyncRead;
use tokio::time::timeout;
use tokio_util::io::StreamReader;

use super::limits::{CALLER_IDLE_TIMEOUT, UNWANTED_BYTES_MAX, UNWANTED_TIMEOUT};
use crate::node::{Fetched, ReadError};

/// Returns the content of a request. It fails if the caller goes away before the end, or stands still.
pub(super) fn reader(body: Body) -> impl AsyncRead + Send + Unpin {
    let chunks = unfold(Some(body.into_data_stream()), |chunks| async {
        let mut chunks = chunks?;
        match timeout(CALLER_IDLE_TIMEOUT, chunks.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Ok(None) => None,
            Err(_) => {
                let why = format!("the caller has sent nothing for {} seconds", CALLER_IDLE_TIMEOUT.as_secs());
                Some((Err(io::Error::new(io::ErrorKind::TimedOut, why)), None))
            }
        }
    });
    StreamReader::new(Box::pin(chunks))
}

/// Reads some of a content that is not wanted, so that its sender comes to read why. One that waits to be told to go on
/// is told nothing.
pub(super) async fn pass_over(headers: &HeaderMap, body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut chunks = body.into_data_stream();
    let mut left = UNWANTED_BYTES_MAX;
    let passing = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    // What comes later is cut off.
    drop(timeout(UNWANTED_TIMEOUT, passing).await);
}

/// Returns a part of a file as the content of an answer. An error breaks the answer off before its last byte, so that
/// nobody takes what came for the part.
pub(super) fn part(fetched: Fetched, part: Range<u64>) -> Body {
    let reading = Reading { fetched, at: 0, part };
    Body::from_stream(unfold(Some(reading), |reading| async {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// A file that is being read.
struct Reading {
    fetched: Fetched,
    /// How many bytes were read.
    at: u64,
    /// The bytes that are wanted.
    part: Range<u64>,
}

impl Reading {
    /// Returns the next bytes of the part.
    async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        while self.at < self.part.end {
            let Some(chunk) = self.fetched.chunk().await? else { return Ok(None) };
            let piece = within(&chunk, self.at, &self.part);
            self.at += chunk.len() as u64;
            // Nothing can be taken back once the last byte is sent, so the rest of the file is read first: with its end
            // comes the proof of all that was read.
            if self.at >= self.part.end {
                while self.fetched.chunk().await?.is_some() {}
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

/// Returns what a chunk has of a part, if the chunk begins at this byte.
fn within(chunk: &Bytes, at: u64, part: &Range<u64>) -> Bytes {
    let index = |byte: u64| usize::try_from(byte.saturating_sub(at)).unwrap_or(usize::MAX).min(chunk.len());
    chunk.slice(index(part.start)..index(part.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_from_the_chunks_that_have_it() {
        let chunk = Bytes::from_static(b"4567");
        for (part, expected) in [(0..4, ""), (0..5, "4"), (5..7, "56"), (4..8, "4567"), (7..20, "7"), (8..20, "")] {
            assert_eq!(within(&chunk, 4, &part), expected, "{part:?}");
        }
    }
}

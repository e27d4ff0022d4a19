//! Noise records as a byte stream. Written bytes are cut into records, encrypted and authenticated; bytes that are read
//! have been verified. Large contents are copied nowhere else on their way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use snow::TransportState;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::cipher::TAG_BYTES;

/// The largest Noise message (specification, section 3).
const RECORD_BYTES_MAX: usize = 65_535;
/// How many bytes are put into one record at most. Chosen: whole records fill a chunk of content (`CHUNK_BYTES`), so
/// that each is encrypted from there, and decrypted into one.
const PLAIN_BYTES_MAX: usize = 32 * 1024;
const LENGTH_BYTES: usize = 2;
/// Encrypted bytes that are put together before all of them have to leave. Chosen: three records.
const OUTGOING_BYTES_MAX: usize = 3 * PLAIN_BYTES_MAX;
/// How much is read from the socket at once while records are small.
const READ_BYTES_SMALL: usize = 4 * 1024;
/// How much is read at once while records are large: as much again as the largest record has.
const READ_BYTES_LARGE: usize = 2 * (LENGTH_BYTES + RECORD_BYTES_MAX);

/// An encrypted stream over a plain one. Its buffers take at most 0.4 MiB, and 4 KiB if messages are small.
pub struct Records<S> {
    stream: S,
    noise: TransportState,
    /// What both sides call this link: a part of the hash of its handshake (Noise specification, 11.2). It is no
    /// secret.
    link: u64,
    /// Encrypted bytes as they came from the socket.
    incoming: Buffer,
    /// Verified bytes that no reader has taken yet.
    plain: Buffer,
    /// The bytes of the next record, which is not full yet.
    staged: Vec<u8>,
    /// Encrypted records on their way to the socket.
    outgoing: Buffer,
}

/// Bytes that wait to be taken. Their memory is not cleared between uses.
#[derive(Default)]
struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn waiting(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    fn len(&self) -> usize {
        self.end - self.start
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Returns all the room behind the waiting bytes, at least `count` bytes. The waiting bytes move to the front if
    /// they leave less.
    fn room(&mut self, count: usize) -> &mut [u8] {
        if self.start > 0 && self.end + count > self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
        }
        if self.end + count > self.memory.len() {
            self.memory.resize(self.end + count, 0);
        }
        &mut self.memory[self.end..]
    }
}

impl<S> Records<S> {
    pub(super) fn new(stream: S, noise: TransportState, link: u64) -> Self {
        let (incoming, plain, outgoing) = Default::default();
        Self { stream, noise, link, incoming, plain, staged: Vec::new(), outgoing }
    }

    /// Returns what both sides call this link.
    pub(in crate::node) fn link(&self) -> u64 {
        self.link
    }

    /// Returns the length of the next record's body, once its prefix is here.
    fn record_len(&self) -> Option<usize> {
        let prefix = self.incoming.waiting().first_chunk()?;
        Some(usize::from(u16::from_be_bytes(*prefix)))
    }

    /// Decrypts the next whole record into `out`, which has room for its body. Returns `None` if more bytes are needed.
    fn next_record(&mut self, out: Option<&mut [u8]>) -> io::Result<Option<usize>> {
        let Some(len) = self.record_len() else { return Ok(None) };
        let Some(body) = self.incoming.waiting().get(LENGTH_BYTES..LENGTH_BYTES + len) else { return Ok(None) };
        let is_direct = out.is_some();
        let out = out.unwrap_or_else(|| self.plain.room(len));
        let opened = self.noise.read_message(body, out);
        let count = opened.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a record does not verify"))?;
        if !is_direct {
            self.plain.end += count;
        }
        self.incoming.take(LENGTH_BYTES + len);
        Ok(Some(count))
    }

    /// Encrypts the bytes that wait for others to fill a record with them.
    fn seal_staged(&mut self) -> io::Result<()> {
        let mut staged = std::mem::take(&mut self.staged);
        let sealed = if staged.is_empty() { Ok(()) } else { self.seal(&staged) };
        staged.clear();
        self.staged = staged;
        sealed
    }

    fn seal(&mut self, payload: &[u8]) -> io::Result<()> {
        let len = payload.len() + TAG_BYTES;
        let room = self.outgoing.room(LENGTH_BYTES + len);
        let prefix = u16::try_from(len).expect("a record is at most 65,535 bytes long").to_be_bytes();
        room[..LENGTH_BYTES].copy_from_slice(&prefix);
        let sealed = self.noise.write_message(payload, &mut room[LENGTH_BYTES..]);
        sealed.map_err(|_| io::Error::other("the link has used up its nonces"))?;
        self.outgoing.end += LENGTH_BYTES + len;
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> Records<S> {
    /// Reads from the socket until there are more bytes than before. Returns `false` at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let len = self.record_len().unwrap_or(0);
        let filled = self.incoming.len();
        let large = if len > READ_BYTES_SMALL { READ_BYTES_LARGE } else { READ_BYTES_SMALL + LENGTH_BYTES };
        if self.incoming.memory.len() < large {
            self.incoming.memory.resize(large, 0);
        }
        let mut buffer = ReadBuf::new(self.incoming.room(LENGTH_BYTES + len - filled));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        self.incoming.end += count;
        if count == 0 && filled > 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(count > 0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Records<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let waiting = this.plain.waiting();
            if !waiting.is_empty() {
                let count = waiting.len().min(out.remaining());
                out.put_slice(&waiting[..count]);
                this.plain.take(count);
                return Poll::Ready(Ok(()));
            }
            // A whole record goes straight to the reader if the reader has room for it.
            let fits = this.record_len().is_some_and(|len| len <= out.remaining() + TAG_BYTES);
            let direct = if fits { Some(out.initialize_unfilled()) } else { None };
            let is_direct = direct.is_some();
            match this.next_record(direct)? {
                Some(count) if is_direct && count > 0 => {
                    out.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Some(_) => {}
                None => {
                    if !ready!(this.poll_fill(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Records<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outgoing.len() > 0 {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, self.outgoing.waiting()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.take(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Records<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // What has left in part waits where it is.
        if this.outgoing.end >= OUTGOING_BYTES_MAX {
            ready!(this.poll_send(cx))?;
        }
        if bytes.len() >= PLAIN_BYTES_MAX {
            this.seal_staged()?;
            this.seal(&bytes[..PLAIN_BYTES_MAX])?;
            return Poll::Ready(Ok(PLAIN_BYTES_MAX));
        }
        let count = bytes.len().min(PLAIN_BYTES_MAX - this.staged.len());
        this.staged.extend_from_slice(&bytes[..count]);
        if this.staged.len() == PLAIN_BYTES_MAX {
            this.seal_staged()?;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.seal_staged()?;
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

//! Noise records as a byte stream: whatever is written is cut into records of at most 65,535 bytes, encrypted and
//! authenticated; whatever is read has been verified.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use snow::TransportState;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The largest Noise message (specification, section 3).
const RECORD_BYTES_MAX: usize = 65_535;
/// The authentication tag of AES-GCM.
const TAG_BYTES: usize = 16;
const PLAIN_BYTES_MAX: usize = RECORD_BYTES_MAX - TAG_BYTES;
const LENGTH_BYTES: usize = 2;
/// Encrypted bytes that may wait for the socket before a write has to wait too.
const OUTGOING_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;
/// What is read from the socket at once while records are small…
const READ_BYTES_SMALL: usize = 4 * 1024;
/// …and while they are large: one record more than the one being put together.
const READ_BYTES_LARGE: usize = 2 * (LENGTH_BYTES + RECORD_BYTES_MAX);

/// An encrypted stream over a plain one. At most 0.4 MiB of buffers, and 4 KiB where messages are small.
pub struct Records<S> {
    stream: S,
    noise: TransportState,
    /// Encrypted bytes as they came, from `incoming_start` on.
    incoming: Vec<u8>,
    incoming_start: usize,
    /// Verified bytes that no reader has taken yet, from `plain_start` on.
    plain: Vec<u8>,
    plain_start: usize,
    /// Bytes of the next record that is not full yet.
    staged: Vec<u8>,
    /// Encrypted records on their way, from `outgoing_start` on.
    outgoing: Vec<u8>,
    outgoing_start: usize,
}

impl<S> Records<S> {
    pub(super) fn new(stream: S, noise: TransportState) -> Self {
        Self {
            stream,
            noise,
            incoming: Vec::new(),
            incoming_start: 0,
            plain: Vec::new(),
            plain_start: 0,
            staged: Vec::new(),
            outgoing: Vec::new(),
            outgoing_start: 0,
        }
    }

    /// The length of the next record's body, once its prefix is here.
    fn record_len(&self) -> Option<usize> {
        let prefix = self.incoming[self.incoming_start..].first_chunk()?;
        Some(usize::from(u16::from_be_bytes(*prefix)))
    }

    /// Decrypts the next whole record into `out`, which has room for its body; `None` where more bytes are needed.
    fn next_record(&mut self, out: Option<&mut [u8]>) -> io::Result<Option<usize>> {
        let Some(len) = self.record_len() else { return Ok(None) };
        let start = self.incoming_start + LENGTH_BYTES;
        let Some(body) = self.incoming.get(start..start + len) else { return Ok(None) };
        let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "a record does not verify");
        let count = match out {
            Some(out) => self.noise.read_message(body, out).map_err(invalid)?,
            None => {
                self.plain_start = 0;
                self.plain.resize(len, 0);
                let count = self.noise.read_message(body, &mut self.plain).map_err(invalid)?;
                self.plain.truncate(count);
                count
            }
        };
        self.incoming_start = start + len;
        Ok(Some(count))
    }

    fn seal(&mut self, from_staged: bool, bytes: &[u8]) -> io::Result<()> {
        let payload = if from_staged { &self.staged } else { bytes };
        let start = self.outgoing.len();
        let len = payload.len() + TAG_BYTES;
        self.outgoing.resize(start + LENGTH_BYTES + len, 0);
        let prefix = u16::try_from(len).expect("a record is at most 65,535 bytes long").to_be_bytes();
        self.outgoing[start..start + LENGTH_BYTES].copy_from_slice(&prefix);
        let sealed = self.noise.write_message(payload, &mut self.outgoing[start + LENGTH_BYTES..]);
        sealed.map_err(|_| io::Error::other("the link has used up its nonces"))?;
        self.staged.clear();
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> Records<S> {
    /// Reads from the socket until more than the present bytes are there; `false` at its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.incoming.drain(..self.incoming_start);
        self.incoming_start = 0;
        let needed = self.record_len().unwrap_or(0);
        let room = if needed > READ_BYTES_SMALL { READ_BYTES_LARGE } else { READ_BYTES_SMALL + LENGTH_BYTES };
        let filled = self.incoming.len();
        self.incoming.resize(room.max(filled + 1), 0);
        let mut buffer = ReadBuf::new(&mut self.incoming[filled..]);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        let count = buffer.filled().len();
        self.incoming.truncate(filled + count);
        ready!(polled)?;
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
            let waiting = &this.plain[this.plain_start..];
            if !waiting.is_empty() {
                let count = waiting.len().min(out.remaining());
                out.put_slice(&waiting[..count]);
                this.plain_start += count;
                return Poll::Ready(Ok(()));
            }
            // A whole record goes straight to the reader where it has room for it.
            let fits = this.record_len().is_some_and(|len| len <= out.remaining());
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
        while self.outgoing_start < self.outgoing.len() {
            let rest = &self.outgoing[self.outgoing_start..];
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing_start += count;
        }
        self.outgoing.clear();
        self.outgoing_start = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Records<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.outgoing.len() - this.outgoing_start >= OUTGOING_BYTES_MAX {
            ready!(this.poll_send(cx))?;
        }
        if this.staged.is_empty() && bytes.len() >= PLAIN_BYTES_MAX {
            this.seal(false, &bytes[..PLAIN_BYTES_MAX])?;
            return Poll::Ready(Ok(PLAIN_BYTES_MAX));
        }
        let count = bytes.len().min(PLAIN_BYTES_MAX - this.staged.len());
        this.staged.extend_from_slice(&bytes[..count]);
        if this.staged.len() == PLAIN_BYTES_MAX {
            this.seal(true, &[])?;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.staged.is_empty() {
            this.seal(true, &[])?;
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

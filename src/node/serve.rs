//! Answering a peer that asks: taking its replicas and giving them back.

use super::connection::Connection;
use super::pump::{self, PourError, PumpError, Work};
use super::{Shared, Stream};
use crate::crypto::{Digest, HashedKey, IV_BYTES, NodeId, Seal, Version};
use crate::disk::{Disk, DiskFile};
use crate::event::Event;
use crate::limits::{EAGER_BYTES_MAX, FILE_BYTES_MAX, IDLE_SERVER_TIMEOUT};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobReader, BlobWriter, Change, HeldRecord, Store, StoreError};

/// Content that is refused after it was announced is read and dropped up to this length, so that the refusal
/// reaches the peer; beyond it the connection is closed. Chosen: a tenth of a second of a fast disk.
const DRAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Answers exchange after exchange until the peer closes the connection, breaks the protocol, or is silent.
pub(super) async fn run<P: Platform>(inner: &Shared<P>, mut connection: Connection<Stream<P>>) {
    let peer = connection.peer;
    loop {
        let result = match connection.receive_within(IDLE_SERVER_TIMEOUT).await {
            Ok(Message::StoreFile { owner, hashed, version, sealed_bytes }) => {
                let offer = Offer { owner, hashed, version, sealed_bytes };
                take(inner, &mut connection, offer).await
            }
            Ok(Message::GetFile { owner, hashed }) => give(inner, &mut connection, owner, hashed).await,
            Ok(other) => {
                let found = other.name();
                // The refusal is a courtesy; the connection ends either way.
                drop(connection.send(&Message::Refused(Refusal::Unexpected)).await);
                Err(WireError::Unexpected { expected: "store-file or get-file", found })
            }
            // Between two exchanges a peer may go without a word.
            Err(_) => return,
        };
        if let Err(error) = result {
            return inner.tell(&Event::ExchangeFailed { peer, reason: error.to_string() });
        }
    }
}

/// A replica that a peer wants stored.
#[derive(Clone, Copy)]
struct Offer {
    owner: NodeId,
    hashed: HashedKey,
    version: Version,
    sealed_bytes: u64,
}

/// Writes sealed bytes to the disk and computes their digest.
struct Receiving<F> {
    writer: BlobWriter<F>,
    hasher: blake3::Hasher,
}

impl<F: DiskFile> Work for Receiving<F> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.writer.write(bytes)
    }
}

/// Takes a replica and answers whether it is durable.
async fn take<P: Platform>(
    inner: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    offer: Offer,
) -> Result<(), WireError> {
    let blob = BlobId::Held(offer.owner, offer.hashed);
    let _locked = inner.locks.lock(blob).await;
    let is_eager = offer.sealed_bytes <= EAGER_BYTES_MAX + IV_BYTES as u64;
    let begun = match check(connection.peer, &offer) {
        Ok(()) => inner.blocking(move |store| begin(store, &offer)).await,
        Err(refusal) => Err(refusal),
    };
    let writer = match begun {
        Ok(writer) => writer,
        Err(refusal) => {
            if is_eager {
                connection.receive_stream_header(offer.sealed_bytes).await?;
                return refuse_rest(connection, offer.sealed_bytes, refusal).await;
            }
            return connection.send(&Message::Refused(refusal)).await;
        }
    };
    if let Err(error) = proceed(connection, offer.sealed_bytes, is_eager).await {
        discard(inner, writer).await;
        return Err(error);
    }
    let receiving = match receive(inner, connection, writer, offer.sealed_bytes).await {
        Ok(receiving) => receiving,
        Err(Unreceived::Wire(error)) => return Err(error),
        Err(Unreceived::Disk { error, rest }) => return refuse_rest(connection, rest, refusal_for(&error)).await,
    };
    let seal = match connection.receive().await {
        Ok(Message::Sealed(seal)) => seal,
        other => {
            discard(inner, receiving.writer).await;
            return Err(unexpected("sealed", other));
        }
    };
    let answer = match keep(inner, &offer, receiving, seal).await {
        Ok(()) => Message::Stored,
        Err(refusal) => Message::Refused(refusal),
    };
    connection.send(&answer).await
}

/// Comes to the first byte of the content.
async fn proceed<S>(connection: &mut Connection<S>, sealed_bytes: u64, is_eager: bool) -> Result<(), WireError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if !is_eager {
        connection.send(&Message::Proceed).await?;
    }
    connection.receive_stream_header(sealed_bytes).await
}

/// Why content was not received.
enum Unreceived {
    Wire(WireError),
    /// So many bytes of the stream have not been read.
    Disk {
        error: StoreError,
        rest: u64,
    },
}

/// Receives the content of a replica; where that fails, nothing of it is kept.
async fn receive<P: Platform>(
    inner: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    writer: BlobWriter<<P::Disk as Disk>::File>,
    len: u64,
) -> Result<Receiving<<P::Disk as Disk>::File>, Unreceived> {
    let mut rest = len;
    let pumped = {
        let mut next = pump::from_connection(connection, len);
        let source = async |buffer| {
            let chunk = next(buffer).await?;
            rest -= chunk.len() as u64;
            Ok(chunk)
        };
        let receiving = Receiving { writer, hasher: blake3::Hasher::new() };
        pump::pump(inner, receiving, source, async |buffer| buffer).await
    };
    let (receiving, error) = match pumped {
        Ok(receiving) => return Ok(receiving),
        Err((receiving, PumpError::Source(error))) => (receiving, Unreceived::Wire(error)),
        Err((receiving, PumpError::Disk(error))) => (receiving, Unreceived::Disk { error, rest }),
    };
    discard(inner, receiving.writer).await;
    Err(error)
}

/// What can be told before a byte of content has come.
fn check(peer: NodeId, offer: &Offer) -> Result<(), Refusal> {
    if offer.owner != peer {
        return Err(Refusal::NotOwner);
    }
    let size = offer.sealed_bytes.checked_sub(IV_BYTES as u64).ok_or(Refusal::Unexpected)?;
    if size > FILE_BYTES_MAX { Err(Refusal::TooLarge) } else { Ok(()) }
}

fn begin<D: Disk>(store: &Store<D>, offer: &Offer) -> Result<BlobWriter<D::File>, Refusal> {
    let held = store.held(offer.owner, offer.hashed).map_err(|error| refusal_for(&error))?;
    if let Some(held) = held.filter(|held| held.seal.version > offer.version) {
        return Err(Refusal::Stale { held: held.seal.version });
    }
    let blob = BlobId::Held(offer.owner, offer.hashed);
    store.write_blob(blob, offer.version).map_err(|error| refusal_for(&error))
}

/// Makes a received replica durable, in place of an older version.
async fn keep<P: Platform>(
    inner: &Shared<P>,
    offer: &Offer,
    receiving: Receiving<<P::Disk as Disk>::File>,
    seal: Seal,
) -> Result<(), Refusal> {
    let Offer { owner, hashed, version, sealed_bytes } = *offer;
    let digest = Digest(*receiving.hasher.finalize().as_bytes());
    let is_as_announced = seal.version == version && seal.sealed_bytes() == sealed_bytes && seal.digest == digest;
    let other_bytes = inner.blocking(move |store| store.held(owner, hashed)).await;
    let other_bytes =
        other_bytes.map(|held| held.filter(|held| held.seal.version == version && held.seal.digest != digest));
    let refusal = match other_bytes {
        _ if !is_as_announced => Some(Refusal::Damaged),
        Ok(None) => None,
        Ok(Some(_)) => Some(Refusal::Stale { held: version }),
        Err(error) => Some(refusal_for(&error)),
    };
    if let Some(refusal) = refusal {
        discard(inner, receiving.writer).await;
        return Err(refusal);
    }
    let writer = receiving.writer;
    let synced = inner.blocking(move |store| store.sync_blob(&writer).map(|()| writer)).await;
    let writer = synced.map_err(|error| refusal_for(&error))?;
    let record = HeldRecord { seal, stored: inner.platform.now() };
    let committed = inner.commit(Change::Held(owner, hashed, Box::new(record))).await;
    committed.map_err(|error| refusal_for(&error))?;
    let published = inner.blocking(move |store| store.publish(&writer)).await;
    published.map_err(|error| refusal_for(&error))?;
    inner.tell(&Event::ReplicaWritten { owner, replica: hashed, version, bytes: sealed_bytes });
    Ok(())
}

async fn discard<P: Platform>(inner: &Shared<P>, writer: BlobWriter<<P::Disk as Disk>::File>) {
    // Where this fails too, the next start drops the file.
    drop(inner.blocking(move |store| store.discard(&writer)).await);
}

/// Drops the rest of a stream and its seal, and says why.
async fn refuse_rest<S>(connection: &mut Connection<S>, rest: u64, refusal: Refusal) -> Result<(), WireError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if rest > DRAIN_BYTES_MAX {
        connection.send(&Message::Refused(refusal)).await?;
        return Err(WireError::Closed);
    }
    connection.drain(rest).await?;
    match connection.receive().await {
        Ok(Message::Sealed(_)) => connection.send(&Message::Refused(refusal)).await,
        other => Err(unexpected("sealed", other)),
    }
}

fn unexpected(expected: &'static str, came: Result<Message, WireError>) -> WireError {
    match came {
        Ok(message) => WireError::Unexpected { expected, found: message.name() },
        Err(error) => error,
    }
}

fn refusal_for(error: &StoreError) -> Refusal {
    if error.is_full() { Refusal::DiskFull } else { Refusal::DiskFailed }
}

/// What there is to give for a question.
enum Answer<F> {
    Nothing,
    Refused(Refusal),
    /// A small replica, read and verified.
    Small(Seal, Vec<u8>),
    Large(Seal, BlobReader<F>),
}

/// Gives a replica back to its owner.
async fn give<P: Platform>(
    inner: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    owner: NodeId,
    hashed: HashedKey,
) -> Result<(), WireError> {
    if owner != connection.peer {
        return connection.send(&Message::Refused(Refusal::NotOwner)).await;
    }
    let sealed_bytes = match inner.blocking(move |store| look_up(store, owner, hashed)).await {
        Answer::Nothing => return connection.send(&Message::NotFound).await,
        Answer::Refused(refusal) => return connection.send(&Message::Refused(refusal)).await,
        Answer::Small(seal, bytes) => {
            connection.queue(&Message::Found(seal)).await?;
            connection.queue_stream_header(bytes.len() as u64).await?;
            connection.queue_bytes(&bytes).await?;
            bytes.len() as u64
        }
        Answer::Large(seal, blob) => {
            let len = seal.sealed_bytes();
            connection.send(&Message::Found(seal)).await?;
            match connection.receive().await {
                Ok(Message::Proceed) => {}
                // The owner took another peer's copy.
                Err(WireError::Closed) => return Ok(()),
                other => return Err(unexpected("proceed", other)),
            }
            connection.queue_stream_header(len).await?;
            match pump::pour(inner, blob, len, |_| (), connection).await {
                Ok(()) => {}
                Err(PourError::Wire(error)) => return Err(error),
                Err(PourError::Disk(error)) => return Err(WireError::Io(std::io::Error::other(error))),
                Err(PourError::Short) => return Err(WireError::Io(std::io::ErrorKind::UnexpectedEof.into())),
            }
            len
        }
    };
    connection.flush().await?;
    inner.tell(&Event::ReplicaServed { owner, replica: hashed, bytes: sealed_bytes });
    Ok(())
}

fn look_up<D: Disk>(store: &Store<D>, owner: NodeId, hashed: HashedKey) -> Answer<D::File> {
    let record = match store.held(owner, hashed) {
        Ok(Some(record)) => record,
        Ok(None) => return Answer::Nothing,
        Err(error) => return Answer::Refused(refusal_for(&error)),
    };
    let mut blob = match store.read_blob(&BlobId::Held(owner, hashed)) {
        Ok(Some(blob)) if blob.len() == record.seal.sealed_bytes() => blob,
        Ok(_) => return Answer::Refused(Refusal::Rotten),
        Err(error) => return Answer::Refused(refusal_for(&error)),
    };
    if record.seal.size > EAGER_BYTES_MAX {
        return Answer::Large(record.seal, blob);
    }
    let mut bytes = vec![0; usize::try_from(blob.len()).expect("a small replica fits the memory")];
    match blob.read(&mut bytes) {
        Ok(_) if blake3::hash(&bytes) == blake3::Hash::from_bytes(record.seal.digest.0) => {
            Answer::Small(record.seal, bytes)
        }
        Ok(_) => Answer::Refused(Refusal::Rotten),
        Err(error) => Answer::Refused(refusal_for(&error)),
    }
}

//! Passing a replica on from one peer to another: sealed bytes, which are checked against the seal at the end and
//! decrypted nowhere.

use std::rc::Rc;

use crate::crypto::{HashedKey, IV_BYTES};
use crate::limits::{CHUNK_BYTES, EAGER_BYTES_MAX};
use crate::node::peers::{self, Asking, Peer};
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::store::OwnRecord;

/// Sends a peer the replica of another one, the first that has it.
pub(super) async fn relay<P: Platform>(
    inner: &Shared<P>,
    to: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    record: &OwnRecord,
) -> Result<(), String> {
    let mut reason = "no other peer has it".to_owned();
    for from in inner.peers.connected().into_iter().filter(|peer| peer.id != to.id) {
        match pass_on(inner, &from, to, hashed, record).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// False where the giving peer does not have just this version.
async fn pass_on<P: Platform>(
    inner: &Shared<P>,
    from: &Rc<Peer<Stream<P>>>,
    to: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    record: &OwnRecord,
) -> Result<bool, String> {
    let mut giving: Asking<Stream<P>> = peers::ask(inner, from).await?;
    let question = Message::GetFile { owner: inner.keys.node(), hashed };
    let found = giving.exchange(&question).await.map_err(said)?;
    if found != Message::Found(record.seal.clone()) {
        return Ok(false);
    }
    let mut taking: Asking<Stream<P>> = peers::ask(inner, to).await?;
    match stream(&mut giving, &mut taking, inner.keys.node(), hashed, record).await.map_err(said)? {
        Message::Stored => {
            giving.done();
            taking.done();
            Ok(true)
        }
        Message::Refused(refusal) => Err(refusal.to_string()),
        other => Err(format!("it answered a store with {}", other.name())),
    }
}

/// Streams the sealed bytes from one exchange to the other and returns the answer. The taking peer compares them with
/// the digest in the seal before it keeps them.
async fn stream<S>(
    giving: &mut Asking<S>,
    taking: &mut Asking<S>,
    owner: crate::crypto::NodeId,
    hashed: HashedKey,
    record: &OwnRecord,
) -> Result<Message, WireError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let seal = &record.seal;
    let (version, sealed_bytes) = (seal.version, seal.sealed_bytes());
    taking.connection.queue(&Message::StoreFile { owner, hashed, version, sealed_bytes }).await?;
    if sealed_bytes > EAGER_BYTES_MAX + IV_BYTES as u64 {
        taking.connection.flush().await?;
        match taking.connection.receive().await? {
            Message::Proceed => {}
            other => return Ok(other),
        }
        giving.connection.send(&Message::Proceed).await?;
    }
    giving.connection.receive_stream_header(sealed_bytes).await?;
    taking.connection.queue_stream_header(sealed_bytes).await?;
    let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(sealed_bytes).unwrap_or(CHUNK_BYTES))];
    let mut left = sealed_bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        giving.connection.receive_bytes(&mut chunk[..part]).await?;
        taking.connection.queue_bytes(&chunk[..part]).await?;
        left -= part as u64;
    }
    taking.connection.send(&Message::Sealed(seal.clone())).await?;
    taking.connection.receive().await
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn said(error: WireError) -> String {
    error.to_string()
}

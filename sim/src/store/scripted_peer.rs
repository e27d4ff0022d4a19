//! A peer that speaks the protocol and says what its caller tells it to: the exchanges of a node from the other side,
//! message by message, for liars in plans and for tests.

use dacapo::crypto::{Digest, NodeId, ReplicaName, Seal, SealedMetadata, Tag, Version};
use dacapo::limits::EAGER_BYTES_MAX;
use dacapo::node::link::Records;
use dacapo::protocol::{
    Message, Whereabouts, WireError, message_frame, read_message, read_stream_header, stream_header,
};
use dacapo::replication::Print;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A replica as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The owner of the file.
    pub owner: NodeId,
    /// The name of the file.
    pub replica_name: ReplicaName,
    /// The seal that came with the bytes.
    pub seal: Seal,
    /// The IV and the ciphertext.
    pub bytes: Vec<u8>,
}

impl Replica {
    /// Makes a replica with a seal that no owner made: the digest is right, the tag is not.
    ///
    /// # Panics
    /// If there are fewer bytes than an IV has.
    #[must_use]
    pub fn unsealed(owner: NodeId, replica_name: ReplicaName, version: Version, bytes: Vec<u8>) -> Self {
        let metadata = SealedMetadata::from_bytes(&[0; 40]).expect("within the bounds");
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        let size = bytes.len() as u64 - 16;
        Self { owner, replica_name, seal: Seal { version, size, digest, tag: Tag([2; 32]), metadata }, bytes }
    }
}

/// Returns a heartbeat of a peer that looks for nobody.
#[must_use]
pub fn heartbeat(held: Option<Print>) -> Message {
    Message::Heartbeat { held, has_twin: false, whereabouts: Whereabouts::default() }
}

/// Returns the answer of such a peer to a heartbeat.
#[must_use]
pub fn alive(connections_wanted: u8, held: Option<Print>) -> Message {
    Message::Alive { connections_wanted, held, has_twin: false, whereabouts: Whereabouts::default() }
}

/// Sends a message.
///
/// # Errors
/// If the link breaks.
pub async fn send<S>(link: &mut Records<S>, message: &Message) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    link.write_all(&message_frame(&message.encode())).await?;
    Ok(link.flush().await?)
}

/// Reads `len` bytes.
///
/// # Errors
/// If the link breaks.
///
/// # Panics
/// If the bytes do not fit into memory.
pub async fn receive<S>(link: &mut Records<S>, len: u64) -> Result<Vec<u8>, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = vec![0; usize::try_from(len).expect("it fits the memory")];
    link.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Takes the content and the seal of a store that the other side has announced, and leaves the answer to the caller.
///
/// # Errors
/// If the link breaks or the other side ends the store otherwise.
pub async fn take<S>(
    link: &mut Records<S>,
    owner: NodeId,
    replica_name: ReplicaName,
    sealed_bytes: u64,
) -> Result<Replica, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if sealed_bytes > EAGER_BYTES_MAX + 16 {
        send(link, &Message::Proceed).await?;
    }
    read_stream_header(link, sealed_bytes).await?;
    let bytes = receive(link, sealed_bytes).await?;
    match read_message(link).await? {
        Message::Sealed(seal) => Ok(Replica { owner, replica_name, seal, bytes }),
        other => Err(WireError::Unexpected { expected: "sealed", found: other.name() }),
    }
}

/// Answers a get with a replica, up to the bytes: sends the seal, waits for the go-ahead if the replica is large, and
/// announces a stream of `stream_bytes` bytes.
///
/// # Errors
/// If the link breaks or the other side does not want the replica.
pub async fn announce<S>(link: &mut Records<S>, seal: &Seal, stream_bytes: u64) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    send(link, &Message::Found(seal.clone())).await?;
    if seal.size > EAGER_BYTES_MAX {
        match read_message(link).await? {
            Message::Proceed => {}
            other => return Err(WireError::Unexpected { expected: "proceed", found: other.name() }),
        }
    }
    Ok(link.write_all(&stream_header(stream_bytes)).await?)
}

/// Answers a get with a replica. Returns whether the link can be used again, because all bytes were sent.
///
/// # Errors
/// If the link breaks or the other side does not want the replica.
pub async fn hand_over<S>(link: &mut Records<S>, replica: &Replica) -> Result<bool, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    announce(link, &replica.seal, replica.seal.sealed_bytes()).await?;
    link.write_all(&replica.bytes).await?;
    link.flush().await?;
    Ok(replica.bytes.len() as u64 == replica.seal.sealed_bytes())
}

/// Gets a replica from a node. Returns `None` if the node has another answer than a replica.
///
/// # Errors
/// If the link breaks.
pub async fn fetch<S>(
    link: &mut Records<S>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<Option<Replica>, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    send(link, &Message::GetFile { owner, replica_name }).await?;
    let Message::Found(seal) = read_message(link).await? else { return Ok(None) };
    if seal.size > EAGER_BYTES_MAX {
        send(link, &Message::Proceed).await?;
    }
    read_stream_header(link, seal.sealed_bytes()).await?;
    let bytes = receive(link, seal.sealed_bytes()).await?;
    Ok(Some(Replica { owner, replica_name, seal, bytes }))
}

/// Stores a replica at a node and returns the node's answer.
///
/// # Errors
/// If the link breaks.
pub async fn store_at<S>(link: &mut Records<S>, replica: &Replica) -> Result<Message, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Replica { owner, replica_name, seal, bytes } = replica;
    let offer = Message::StoreFile {
        owner: *owner,
        replica_name: *replica_name,
        version: seal.version,
        sealed_bytes: bytes.len() as u64,
    };
    send(link, &offer).await?;
    if seal.size > EAGER_BYTES_MAX {
        match read_message(link).await? {
            Message::Proceed => {}
            other => return Ok(other),
        }
    }
    link.write_all(&stream_header(bytes.len() as u64)).await?;
    link.write_all(bytes).await?;
    send(link, &Message::Sealed(seal.clone())).await?;
    read_message(link).await
}

//! The link: makes a byte stream secret and authentic, and exchanges the hello and the welcome on top of it.
//!
//! Noise XXpsk0 with X25519, AES-256-GCM and SHA-256 (noiseprotocol.org, revision 34). The cluster secret is the psk
//! and enters first, so that the first message of a stranger already fails, and the stranger learns nothing. The static
//! keys are the node ids. Each handshake message and each later record is preceded by its length, `u16` big-endian.

mod cipher;
mod curve;
mod records;

use std::io;
use std::sync::Arc;

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::lanes::Lane;
use crate::crypto::{ClusterSecret, Keys, LinkKey, NodeId};
use crate::limits::{HANDSHAKE_TIMEOUT, PROTOCOL_VERSION};
use crate::membership::Admission;
use crate::platform::Entropy;
use crate::protocol::{BootId, Hello, Verdict, Welcome, WireError, message_frame, read_payload};
use crate::seed::{Rng, Seed, SeedRng};

pub use records::Records;

const PATTERN: &str = "Noise_XXpsk0_25519_AESGCM_SHA256";

/// Binds the handshake to this protocol. The version is in the hello, where the other side can be told of a difference.
const PROLOGUE: &[u8] = b"dacapo";

/// The three handshake messages have 48, 96 and 64 bytes.
const HANDSHAKE_BYTES_MAX: usize = 128;

/// Why there is no link. The connection is of no further use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A handshake message does not verify.
    #[error("the handshake failed: another cluster secret, or not a node")]
    Handshake,
    /// The stream broke or ended.
    #[error("the handshake ended early: {0}")]
    Io(#[from] io::Error),
    /// What came is not a hello or a welcome.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The other side speaks another protocol.
    #[error("it speaks protocol {theirs}, this node speaks {PROTOCOL_VERSION}")]
    Version {
        /// The version that the other side speaks.
        theirs: u16,
    },
    /// The other side takes no more connections of this kind.
    #[error("it has no room for another connection")]
    Full,
    /// Other callers came while this one said nothing.
    #[error("too many others came while it finished no handshake")]
    Crowded,
    /// The first message has come before: the caller repeats what was recorded.
    #[error("it repeats the handshake of another connection")]
    Repeated,
    /// The handshake took too long.
    #[error("no handshake in {} seconds", HANDSHAKE_TIMEOUT.as_secs())]
    Late,
    /// The other side does not have this node as a peer.
    #[error("it does not admit this node: it has forgotten it, or its list is locked")]
    NotAdmitted,
    /// This node does not have the other side as a peer.
    #[error("{0}")]
    TurnedAway(Admission),
    /// The other side has the same identity.
    #[error("it is this node itself")]
    Itself,
    /// There is no fresh entropy for the ephemeral key.
    #[error("the operating system gives no entropy: {0}")]
    NoEntropy(#[source] io::Error),
}

/// What a node brings to one handshake.
pub struct Credentials<'a> {
    keys: &'a Keys,
    cluster: &'a ClusterSecret,
    /// Seeds the ephemeral key of this one handshake.
    ephemeral: [u8; 32],
}

impl<'a> Credentials<'a> {
    /// Returns credentials for one handshake, with an ephemeral key drawn from the lane.
    #[must_use]
    pub fn draw(keys: &'a Keys, cluster: &'a ClusterSecret, lane: &mut SeedRng) -> Self {
        let mut ephemeral = [0; 32];
        lane.fill_bytes(&mut ephemeral);
        Self { keys, cluster, ephemeral }
    }

    /// Mixes fresh entropy into the ephemeral key.
    #[must_use]
    pub fn mixed_with(self, fresh: Entropy) -> Self {
        Self { ephemeral: fresh.mix(self.ephemeral), ..self }
    }

    fn handshake(&self, is_dialer: bool) -> HandshakeState {
        let params = PATTERN.parse().expect("the pattern is well-formed");
        let resolver = Resolver { key: self.keys.link.clone(), ephemeral: self.ephemeral };
        let builder = Builder::with_resolver(params, Box::new(resolver));
        let builder = builder
            .prologue(PROLOGUE)
            .and_then(|builder| builder.psk(0, &self.cluster.0))
            .and_then(|builder| builder.local_private_key(&[]));
        let built =
            builder.and_then(|builder| if is_dialer { builder.build_initiator() } else { builder.build_responder() });
        built.expect("every part that the pattern names is supplied")
    }
}

/// Links to a node as the dialling side: handshake, hello, welcome. Returns the link, the id of the node that
/// answered, and its welcome. Sets no deadline.
///
/// # Errors
/// Returns an error if the other side is not a node of this cluster, or does not take the connection.
pub async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    credentials: &Credentials<'_>,
    hello: Hello,
) -> Result<(Records<S>, NodeId, Welcome), LinkError> {
    let mut noise = credentials.handshake(true);
    send(&mut stream, &mut noise).await?;
    receive(&mut stream, &mut noise).await?;
    send(&mut stream, &mut noise).await?;
    let (mut records, peer) = finish(stream, noise)?;
    records.write_all(&message_frame(&hello.encode())).await?;
    records.flush().await?;
    let welcome = Welcome::decode(&read_payload(&mut records).await?, PROTOCOL_VERSION);
    let welcome = welcome.map_err(WireError::from)?;
    if welcome.protocol != PROTOCOL_VERSION {
        return Err(LinkError::Version { theirs: welcome.protocol });
    }
    if peer == credentials.keys.node() {
        return Err(LinkError::Itself);
    }
    match welcome.verdict {
        Verdict::Accepted => Ok((records, peer, welcome)),
        Verdict::Full => Err(LinkError::Full),
        Verdict::NotAdmitted => Err(LinkError::NotAdmitted),
    }
}

/// A connection whose dialling side knows the cluster secret, or repeats a message of a node that does.
pub struct Knock<S> {
    stream: S,
    noise: HandshakeState,
    /// The first bytes of the message: a key that no node draws twice.
    pub ephemeral: [u8; 32],
}

/// Links to a node as the accepting side: handshake and hello. The caller answers with [`welcome`]. Sets no deadline.
///
/// # Errors
/// Returns an error if the other side is not a node of this cluster. The other side is told if its version differs, and
/// is told nothing else.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    credentials: &Credentials<'_>,
) -> Result<(Records<S>, NodeId, Hello), LinkError> {
    knock(stream, credentials).await?.open(credentials).await
}

/// Takes the first message of the handshake, which is worth nothing without the cluster secret. Sets no deadline.
///
/// # Errors
/// Returns an error if the other side does not know the secret. The other side is told nothing.
pub async fn knock<S: AsyncRead + Unpin>(mut stream: S, credentials: &Credentials<'_>) -> Result<Knock<S>, LinkError> {
    let mut noise = credentials.handshake(false);
    let message = receive(&mut stream, &mut noise).await?;
    let ephemeral = *message.first_chunk().expect("a first message is longer than its ephemeral key");
    Ok(Knock { stream, noise, ephemeral })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Knock<S> {
    /// Does the rest of the handshake, and takes the hello. Sets no deadline.
    ///
    /// # Errors
    /// Fails as [`accept`] does.
    pub async fn open(self, credentials: &Credentials<'_>) -> Result<(Records<S>, NodeId, Hello), LinkError> {
        let Self { mut stream, mut noise, .. } = self;
        send(&mut stream, &mut noise).await?;
        receive(&mut stream, &mut noise).await?;
        let (mut records, peer) = finish(stream, noise)?;
        let hello = Hello::decode(&read_payload(&mut records).await?, PROTOCOL_VERSION).map_err(WireError::from)?;
        if hello.protocol != PROTOCOL_VERSION {
            welcome(&mut records, Verdict::Full, BootId::default()).await?;
            return Err(LinkError::Version { theirs: hello.protocol });
        }
        if peer == credentials.keys.node() {
            welcome(&mut records, Verdict::Full, BootId::default()).await?;
            return Err(LinkError::Itself);
        }
        Ok((records, peer, hello))
    }
}

/// Answers a hello with a verdict and the start that answers.
///
/// # Errors
/// Returns an error if the stream breaks.
pub async fn welcome<S>(records: &mut Records<S>, verdict: Verdict, boot: BootId) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let welcome = Welcome { protocol: PROTOCOL_VERSION, verdict, boot };
    records.write_all(&message_frame(&welcome.encode())).await?;
    records.flush().await
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, noise: &mut HandshakeState) -> Result<(), LinkError> {
    let mut message = [0; 2 + HANDSHAKE_BYTES_MAX];
    let len = noise.write_message(&[], &mut message[2..]).map_err(|_| LinkError::Handshake)?;
    let prefix = u16::try_from(len).expect("handshake messages are short").to_be_bytes();
    message[..2].copy_from_slice(&prefix);
    stream.write_all(&message[..2 + len]).await?;
    stream.flush().await?;
    Ok(())
}

async fn receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    noise: &mut HandshakeState,
) -> Result<[u8; HANDSHAKE_BYTES_MAX], LinkError> {
    let len = usize::from(stream.read_u16().await?);
    if len > HANDSHAKE_BYTES_MAX {
        return Err(LinkError::Handshake);
    }
    let mut message = [0; HANDSHAKE_BYTES_MAX];
    stream.read_exact(&mut message[..len]).await?;
    let mut payload = [0; HANDSHAKE_BYTES_MAX];
    noise.read_message(&message[..len], &mut payload).map_err(|_| LinkError::Handshake)?;
    Ok(message)
}

fn finish<S>(stream: S, noise: HandshakeState) -> Result<(Records<S>, NodeId), LinkError> {
    let link = noise.get_handshake_hash().first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    let noise = noise.into_transport_mode().map_err(|_| LinkError::Handshake)?;
    let key = noise.get_remote_static().and_then(|key| key.try_into().ok());
    let peer = NodeId(key.ok_or(LinkError::Handshake)?);
    Ok((Records::new(stream, noise, link), peer))
}

/// The primitives of a handshake, all of them AWS-LC's: the cipher, the hash, and the curve with the node's key. The
/// random bytes are from a given seed.
struct Resolver {
    key: Arc<LinkKey>,
    ephemeral: [u8; 32],
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Seeded(Seed::from_bytes(self.ephemeral).rng(Lane::Handshake))))
    }

    fn resolve_dh(&self, _choice: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(curve::Curve::new(self.key.clone())))
    }

    fn resolve_hash(&self, _choice: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::new(cipher::Sha256::new()))
    }

    fn resolve_cipher(&self, _choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(cipher::AesGcm::new()))
    }
}

struct Seeded(SeedRng);

impl Random for Seeded {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

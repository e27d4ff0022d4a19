//! What a node answers to the calls on its handle.

use bytes::Bytes;
use tokio::sync::mpsc;

use serde::{Deserialize, Serialize};

use super::errors::{ReadError, ReplicaError, StoreError, StoreFault};
use crate::crypto::{Digest, Key, NodeId, Version};
use crate::time::UnixMillis;
use crate::transport::Address;

/// A store that was acknowledged: durable on this node's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Which store of this node it was.
    pub version: Version,
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// What became of the replica at each peer that was connected.
    pub receipts: Vec<Receipt>,
    /// Known peers that were not connected; repair sends them the file when they are back.
    pub away: usize,
}

/// What became of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// At which peer.
    pub peer: NodeId,
    /// `Ok` where the peer has it durably on its disk.
    pub outcome: Result<(), ReplicaError>,
}

/// A file that was found and verified, and is being read from this node's disk.
#[derive(Debug)]
pub struct Fetched {
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// Which store of this node made it.
    pub version: Version,
    /// The peer that it came back from; `None` where the local copy was good.
    pub from: Option<NodeId>,
    pub(in crate::node) chunks: mpsc::Receiver<Result<Bytes, ReadError>>,
    /// What has not been read yet.
    pub(in crate::node) left: u64,
}

/// What a node knows of one of its own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// What it is called.
    pub key: Key,
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// Which store of this node made it.
    pub version: Version,
    /// When it was stored, by this node's clock.
    pub modified: UnixMillis,
    /// BLAKE3 of its replicas.
    pub digest: Digest,
    /// Whether there is a copy on this node's disk. It is verified when it is read.
    pub is_local: bool,
}

/// A peer that is connected now, or that was configured or connected and is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// Who it is, once that is known.
    pub peer: Option<NodeId>,
    /// Where it is dialled, if it can be.
    pub address: Option<Address>,
    /// Whether it is dialled, and not only expected to dial.
    pub is_dialled: bool,
    /// Whether it is connected.
    pub is_connected: bool,
    /// How far it holds this node's current files.
    pub progress: Progress,
    /// Its requests that were refused: about files of others, or beyond its quota.
    pub refused: u64,
}

/// What one connected peer says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which peer.
    pub peer: NodeId,
    /// What it has.
    pub holding: Holding,
}

/// What a peer has of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holding {
    /// The current version, compared with its seal at that time of the peer's clock: just now, but for very large files.
    Current {
        /// When.
        verified: UnixMillis,
    },
    /// An older version; repair will send it the current one.
    Older {
        /// Which.
        version: Version,
    },
    /// Nothing.
    Nothing,
    /// A damaged copy, which it does not count as held any more.
    Damaged,
    /// It could not be asked.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// What is known of how far a peer's replicas are current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Nothing was compared since it connected.
    Unknown,
    /// It held every current file when it last said so; where the node only learns, it held nothing that is not known.
    Current,
    /// It lacks files, and is being sent them or will be.
    Behind,
}

/// What a scrub has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubbed {
    /// Files and replicas that were read.
    pub checked: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were damaged or missing, and set aside.
    pub damaged: u64,
    /// Damaged own files that came back from a peer.
    pub restored: u64,
    /// What could not be read; where the catalog cannot say what comes next, one for all that.
    pub failed: u64,
}

impl Stored {
    /// How many peers have the replica durably.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.receipts.iter().filter(|receipt| receipt.outcome.is_ok()).count()
    }

    /// Itself, where so many peers have the replica durably.
    ///
    /// # Errors
    /// [`StoreError::Unconfirmed`]: the file is durable here, and at too few peers.
    pub fn at_least(self, replicas_min: usize) -> Result<Self, StoreError> {
        match self.replicas() {
            found if found < replicas_min => {
                Err(StoreError::Unconfirmed(StoreFault::TooFewReplicas { wanted: replicas_min, found }))
            }
            _ => Ok(self),
        }
    }
}

impl Fetched {
    /// The next piece of the content; `None` at its end.
    ///
    /// # Errors
    /// Where the local disk fails while the file is read, or the node stops before its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        let chunk = self.chunks.recv().await.transpose()?;
        match &chunk {
            Some(bytes) => self.left = self.left.saturating_sub(bytes.len() as u64),
            None if self.left > 0 => return Err(ReadError::Stopped),
            None => {}
        }
        Ok(chunk)
    }

    /// All of the content. Takes as much memory as the file is long.
    ///
    /// # Errors
    /// Where the local disk fails while the file is read, or the node stops.
    pub async fn read_all(mut self) -> Result<Vec<u8>, ReadError> {
        let mut all = Vec::with_capacity(usize::try_from(self.left).unwrap_or_default());
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}

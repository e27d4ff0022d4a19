//! The cluster of a data directory: its secret, or the word that it is open to everybody.
//!
//! ```text
//! dacapo cluster 1
//! <64 hex digits: the secret>      or: open
//! <16 hex digits: first 8 bytes of the BLAKE3 of the two lines above>
//! ```

use std::io;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::crypto::{ClusterSecret, HexError, hex};
use crate::disk::Disk;
use crate::disk::text_file;
use crate::limits::CLUSTER_FILE_BYTES_MAX;
use crate::store::layout;

const HEADER: &str = "dacapo cluster 1\n";

/// The word for a cluster without a secret.
const OPEN: &str = "open";

/// Which nodes a cluster lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// The nodes that have the secret.
    Closed(ClusterSecret),
    /// Every node that reaches the port.
    Open,
}

impl Cluster {
    /// Returns the secret that is mixed into every handshake. An open cluster has a well-known one.
    #[must_use]
    pub fn secret(&self) -> ClusterSecret {
        match self {
            Self::Closed(secret) => secret.clone(),
            Self::Open => ClusterSecret::open(),
        }
    }

    /// Returns the secret as hex digits, or the word for an open cluster. Show it only to people who are to have the
    /// secret.
    #[must_use]
    pub fn word(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Closed(secret) => hex::encode(&secret.0),
            Self::Open => OPEN.to_owned(),
        })
    }
}

impl FromStr for Cluster {
    type Err = HexError;

    /// Reads what [`word`](Self::word) returns.
    fn from_str(word: &str) -> Result<Self, HexError> {
        if word == OPEN { Ok(Self::Open) } else { word.parse().map(Self::Closed) }
    }
}

/// Why the cluster of a data directory cannot be read or entered. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The file is not what was written. It is left alone, because it may be all that is left of the secret.
    #[error("the file cluster is damaged: {0}; copy it from another node of the cluster")]
    Damaged(&'static str),
    /// The data directory is in another cluster already.
    #[error("the data directory is in a cluster already")]
    Taken,
    /// The disk failed.
    #[error("cannot {operation} the file cluster: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Cluster {
    /// Reads the cluster of a data directory; `None` if it is in no cluster.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is damaged.
    pub fn load(disk: &impl Disk) -> Result<Option<Self>, ClusterError> {
        let text = text_file::read(disk, &layout::cluster(), CLUSTER_FILE_BYTES_MAX);
        let text = text.map_err(|source| ClusterError::Disk { operation: "read", source })?;
        text.map(|text| Self::parse(&Zeroizing::new(text))).transpose()
    }

    /// Reads the cluster from the bytes of the file.
    ///
    /// # Errors
    /// Fails if the bytes are damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClusterError> {
        let line = text_file::checked(bytes, HEADER).map_err(ClusterError::Damaged)?;
        line.parse().map_err(|_| ClusterError::Damaged("its secret is not 64 hex digits"))
    }

    /// Puts a data directory into this cluster. Durable on return; a directory that is in it already is left as it is.
    ///
    /// # Errors
    /// Fails if the directory is in another cluster, so that nobody leaves one by accident, or if the disk fails.
    pub fn enter(&self, disk: &impl Disk) -> Result<(), ClusterError> {
        match Self::load(disk)? {
            Some(found) if found == *self => return Ok(()),
            Some(_) => return Err(ClusterError::Taken),
            None => {}
        }
        let text = Zeroizing::new(text_file::with_check(HEADER, &self.word()));
        text_file::replace(disk, &layout::cluster_temporary(), &layout::cluster(), &text)
            .map_err(|source| ClusterError::Disk { operation: "write", source })
    }
}

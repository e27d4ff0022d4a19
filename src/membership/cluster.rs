//! The cluster of a data directory: a secret, or the word that everybody may come in.
//!
//! ```text
//! dacapo cluster 1
//! <64 hex digits: the secret>      or: open
//! <16 hex digits: first 8 bytes of the BLAKE3 of the two lines above>
//! ```

use std::io;

use zeroize::Zeroizing;

use crate::crypto::Cluster;
use crate::disk::Disk;
use crate::disk::text_file;
use crate::limits::CLUSTER_FILE_BYTES_MAX;
use crate::store::layout;

const HEADER: &str = "dacapo cluster 1\n";

/// Why the cluster of a data directory is not known. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The file is not what was written. It is left alone: it may be all that is left of the secret.
    #[error("the file cluster is damaged: {0}; copy it from another node of the cluster")]
    Damaged(&'static str),
    /// There is another secret already.
    #[error("the data directory is in a cluster already")]
    Taken,
    /// The disk failed.
    #[error("cannot {operation} the file cluster: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl Cluster {
    /// The cluster of a data directory; `None` where nothing says so.
    ///
    /// # Errors
    /// Where the file cannot be read, or is damaged.
    pub fn load(disk: &impl Disk) -> Result<Option<Self>, ClusterError> {
        let text = text_file::read(disk, &layout::cluster(), CLUSTER_FILE_BYTES_MAX);
        let text = text.map_err(|source| ClusterError::Disk { operation: "read", source })?;
        text.map(|text| Self::parse(&Zeroizing::new(text))).transpose()
    }

    /// The cluster that the bytes of the file name.
    ///
    /// # Errors
    /// Where they are damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClusterError> {
        let line = text_file::checked(bytes, HEADER).map_err(ClusterError::Damaged)?;
        line.parse().map_err(|_| ClusterError::Damaged("its secret is not 64 hex digits"))
    }

    /// Puts a data directory into this cluster. Durable on return.
    ///
    /// # Errors
    /// Where it is in another one: leaving a cluster is not done by accident.
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

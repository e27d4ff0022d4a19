//! The content of a file that was asked for.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::errors::ReadError;
use crate::crypto::{Attributes, NodeId, Version};
use crate::disk::DiskPath;

/// A file that was found and verified, and is being read from this node's disk.
#[derive(Debug)]
pub struct Fetched {
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// The version that was found.
    pub version: Version,
    /// The peer that the file came back from; `None` if the local copy was good.
    pub from: Option<NodeId>,
    /// What the file had beside its content when it was stored, if that was said.
    pub attributes: Option<Attributes>,
    /// Where the copy lies on this node's disk, verified just now, if it is a file of its own. Whoever opens it there
    /// has this version if [`Handle::stat`](crate::node::Handle::stat) says so afterwards: a newer one takes the place
    /// only after the catalog says so. Nothing may be written there.
    pub place: Option<DiskPath>,
    /// Whether what lies there is for the caller alone, who may take it away: it is removed when this is dropped, and
    /// was compared as it came.
    pub is_passing: bool,
    pub(in crate::node) chunks: mpsc::Receiver<Result<Bytes, ReadError>>,
    /// How many bytes have not been read yet.
    pub(in crate::node) left: u64,
}

impl Fetched {
    /// Returns the next piece of the content, or `None` at its end.
    ///
    /// # Errors
    /// Returns an error if the local disk fails while the file is read, or if the node stops before the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.left == 0 {
            return Ok(None);
        }
        let chunk = self.chunks.recv().await.transpose()?;
        match &chunk {
            Some(bytes) => self.left = self.left.saturating_sub(bytes.len() as u64),
            None => return Err(ReadError::Stopped),
        }
        Ok(chunk)
    }

    /// Returns all of the content. Takes as much memory as the file is long.
    ///
    /// # Errors
    /// Returns an error if the local disk fails while the file is read, or if the node stops before the end.
    pub async fn read_all(mut self) -> Result<Vec<u8>, ReadError> {
        let mut all = Vec::with_capacity(usize::try_from(self.left).unwrap_or_default());
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}

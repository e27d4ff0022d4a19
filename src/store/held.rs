//! What this node holds for others.

use super::error::StorageError;
use super::{Known, Store, Usage};
use crate::crypto::{HashedKey, NodeId};
use crate::disk::Disk;

impl<D: Disk> Store<D> {
    /// What this node knows of a replica that it holds, or of one that its owner deleted everywhere.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn held(&self, owner: NodeId, hashed: HashedKey) -> Result<Option<Known>, StorageError> {
        Ok(self.catalog.held(owner, hashed)?)
    }

    /// Every replica that this node holds, and every one that its owner deleted, in the order of owner and name.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn list_held(
        &self,
        after: Option<(NodeId, HashedKey)>,
        limit: usize,
    ) -> Result<Vec<(NodeId, HashedKey, Known)>, StorageError> {
        Ok(self.catalog.list_held(after, limit)?)
    }

    /// What an owner takes up here. Counted from the whole catalog when it is first wanted.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn usage(&self, owner: NodeId) -> Result<Usage, StorageError> {
        Ok(self.catalog.usage(owner)?)
    }
}

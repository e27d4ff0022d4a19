//! The replicas that this node holds for other nodes, as the catalog has them.

use super::error::StorageError;
use super::{Known, Store, Usage};
use crate::crypto::{NameCount, NodeId, ReplicaName};
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;

impl<D: Disk> Store<D> {
    /// Returns what this node knows of a replica: that it holds it, or that the owner deleted it everywhere.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn held(&self, owner: NodeId, replica_name: ReplicaName) -> Result<Option<Known>, StorageError> {
        Ok(self.catalog.held(owner, replica_name)?)
    }

    /// Returns every replica that this node holds, and every one that its owner deleted everywhere, in the order of
    /// owner and name, from the first one after `after`.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn list_held(
        &self,
        after: Option<(NodeId, ReplicaName)>,
        limit: usize,
    ) -> Result<Vec<(NodeId, ReplicaName, Known)>, StorageError> {
        Ok(self.catalog.list_held(after, limit)?)
    }

    /// Returns how many names an owner has, as it last said.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn name_count(&self, owner: NodeId) -> Result<Option<NameCount>, StorageError> {
        Ok(self.catalog.name_count(owner)?)
    }

    /// Returns what an owner takes up here. It is counted from the whole catalog when it is first wanted.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn usage(&self, owner: NodeId) -> Result<Usage, StorageError> {
        Ok(self.catalog.usage(owner)?)
    }

    /// Returns for how many owners this node holds replicas, and what these take up together. Reads the record of each.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn held_for_all(&self) -> Result<(u64, Usage), StorageError> {
        let (mut owners, mut used, mut after) = (0, Usage::default(), None::<(NodeId, ReplicaName)>);
        let mut newest = None;
        loop {
            let page = self.list_held(after, LIST_PAGE_MAX)?;
            let Some((owner, replica_name, _)) = page.last() else { return Ok((owners, used)) };
            after = Some((*owner, *replica_name));
            for (owner, _, known) in &page {
                used = used + Usage::of(Some(known));
                if matches!(known, Known::File(_)) && newest != Some(*owner) {
                    owners += 1;
                    newest = Some(*owner);
                }
            }
        }
    }
}

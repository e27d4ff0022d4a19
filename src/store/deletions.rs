//! Own files that are deleted everywhere: each is remembered, so that no older version comes back, until every peer has
//! known of it for long enough. Then it is forgotten, as Apache Cassandra does with its tombstones after
//! `gc_grace_seconds`, and a floor is left, by which a deletion that a peer still remembers is known as forgotten. No
//! file is ever taken for deleted for the floor's sake: the catalog may not know it because it has lost it.

use super::layout::BlobId;
use super::{Change, Forgetting, StorageError, Store};
use crate::crypto::{FileName, Key, ReplicaName, Tombstone, Version};
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;
use crate::time::UnixMillis;

impl<D: Disk> Store<D> {
    /// Returns the tombstone of an own file, which peers know by this name; `None` if it was not deleted everywhere.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn tombstone(&self, replica_name: ReplicaName) -> Result<Option<Tombstone>, StorageError> {
        Ok(self.catalog.tombstone(replica_name)?)
    }

    /// Returns the own files that are deleted everywhere, each with the name of its local copy, in the order of the
    /// names that peers know, from the first one after `after`.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn list_tombstones(
        &self,
        after: Option<ReplicaName>,
        limit: usize,
    ) -> Result<Vec<(ReplicaName, FileName)>, StorageError> {
        Ok(self.catalog.tombstone_names(after, limit)?)
    }

    /// Returns how far deletions are forgotten.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn forgetting(&self) -> Result<Forgetting, StorageError> {
        Ok(self.catalog.forgetting()?)
    }

    /// Whether a deletion that a peer remembers was forgotten here. The key is `None` if it is not known.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn is_forgotten(&self, key: Option<&Key>, name: ReplicaName, version: Version) -> Result<bool, StorageError> {
        Ok(self.is_to_forget(self.forgetting()?.floor, name, version) && self.newest(key, name)?.is_none())
    }

    /// Whether a deletion need not be remembered. One of another life of this directory is, because it tells of that.
    fn is_to_forget(&self, up_to: Version, name: ReplicaName, version: Version) -> bool {
        version <= up_to && self.has_issued(version, name)
    }

    /// Forgets the deletions up to a version, and notes how far that is. Returns how many they are. Those whose local
    /// copy a crash has left behind stay until a scrub has removed the copy.
    ///
    /// # Errors
    /// After an error some of them are forgotten.
    pub fn forget_deletions(&self, up_to: Version, state: Forgetting, now: UnixMillis) -> Result<u64, StorageError> {
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.catalog.tombstones(after, LIST_PAGE_MAX)?;
            let Some((last, _)) = page.last() else { break };
            // Peers keep how many names there are, and take the word with the greatest version.
            self.next_version(now, ReplicaName([0; 16]))?;
            let mut changes = vec![Change::Forgetting(state)];
            for (name, tombstone) in &page {
                if self.is_to_forget(up_to, *name, tombstone.version) && !self.has_left_over(*name)? {
                    changes.push(Change::Forgotten(*name, *tombstone));
                }
            }
            // A page in which a name was stored again meanwhile is left as it is, for the next time.
            if changes.len() > 1 && self.commit(&changes)? {
                count += changes.len() as u64 - 1;
            }
            after = Some(*last);
        }
        self.next_version(now, ReplicaName([0; 16]))?;
        self.commit(&[Change::Forgetting(state)])?;
        Ok(count)
    }

    /// Returns the name of the local copy that a deleted file had, if it ever had one here.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn tombstone_name(&self, name: ReplicaName) -> Result<Option<FileName>, StorageError> {
        Ok(self.catalog.tombstone_name(name)?)
    }

    /// Whether the local copy of a deleted file is still there.
    fn has_left_over(&self, name: ReplicaName) -> Result<bool, StorageError> {
        match self.catalog.tombstone_name(name)? {
            Some(file) => self.has_blob(&BlobId::Own(file)),
            None => Ok(false),
        }
    }
}

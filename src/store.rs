//! The data directory of one node: blobs, which are plain files, and the catalog, which says what they must be.
//!
//! Everything here is plain blocking code over the disk seam; the node runs it through [`Disk::run`]. A change is made
//! in this order: the new bytes are written to a temporary file and synced; the catalog commits to them, and from then
//! on the new version counts; the file is renamed into place and its directories are synced. A start after a crash, or
//! the next use of the file after an error, finishes the last step, or drops a temporary file that no commit names.

mod backend;
mod blobs;
mod catalog;
mod comparison;
mod convert;
mod deletions;
mod error;
mod folders;
mod held;
mod identity;
mod kept;
pub mod layout;
mod lock;
mod news;
mod obstacles;
mod proof;
mod quarantine;
mod reader;
mod record;
mod recovery;
mod scrubbing;
mod setup;
mod usage;
mod versions;
mod writer;

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use crate::crypto::{Key, Keys, NodeId, ReplicaName, Version};
use crate::disk::{Disk, DiskPath};
use crate::replication::{Entry, Leaf, Placement, Summary};
use catalog::Catalog;
use error::{failed, twice};
use folders::Tree;
use layout::{BlobId, Layout};
use lock::lock;
use recovery::Unsettled;
use versions::Versions;

pub use catalog::{Origin, Salvaged};
pub use comparison::Comparison;
pub use convert::{ConvertEvent, Converted, convert};
pub use error::{CatalogError, StorageError};
pub use identity::{Identity, IdentityError};
pub use news::News;
pub use reader::BlobReader;
pub use record::{Change, Forgetting, HeldRecord, Known, OwnRecord, ScrubPosition, ScrubState};
pub use recovery::{PASSING, Recovered};
pub use scrubbing::Strays;
pub use setup::{LayoutError, Setup};
pub use usage::Usage;
pub(crate) use versions::above_all_before;
pub use writer::BlobWriter;

/// The open data directory. One per node; shared between its blocking calls.
pub struct Store<D: Disk> {
    disk: D,
    node: NodeId,
    layout: Layout,
    catalog: Catalog<D>,
    tree: Mutex<Tree>,
    unsettled: Mutex<Unsettled>,
    attempts: AtomicU64,
    versions: Mutex<Versions>,
    /// What a caller is to be told.
    news: Mutex<Vec<News>>,
}

impl<D: Disk> Store<D> {
    /// Opens the directory in the layout that it has, finishes or drops what a crash left half done, and returns what
    /// it found.
    ///
    /// # Errors
    /// Fails if the disk fails, if the catalog cannot be read, or if a conversion of the layout was interrupted.
    pub fn open(disk: D, keys: &Keys) -> Result<(Self, Recovered), StorageError> {
        Self::open_above(disk, keys, Version(0))
    }

    /// Opens the directory like [`open`](Self::open). If there is no catalog, the versions of the new one go on above
    /// `above`.
    ///
    /// # Errors
    /// Fails if the disk fails, if the catalog cannot be read, or if a conversion of the layout was interrupted.
    pub fn open_above(disk: D, keys: &Keys, above: Version) -> Result<(Self, Recovered), StorageError> {
        let layout = Setup::read(&disk)?.settled()?;
        Self::open_as(disk, keys, Setup::Settled(layout), above)
    }

    /// Opens the directory like [`open_above`](Self::open_above), whatever its file `layout` says. During a conversion
    /// blobs are found in the layout that they are to have.
    ///
    /// # Errors
    /// Fails like [`open_above`](Self::open_above), and if the blobs are not in the layout that they are said to have.
    pub fn open_as(disk: D, keys: &Keys, setup: Setup, above: Version) -> Result<(Self, Recovered), StorageError> {
        let root = DiskPath::root();
        disk.sync_all().map_err(failed("sync", &root))?;
        let (Setup::Settled(layout) | Setup::Converting { to: layout, .. }) = setup;
        let (catalog, origin) = Catalog::open(&disk, (keys, layout), above)?;
        if setup == Setup::Settled(layout) {
            twice(|| catalog.check_layout(layout))?;
        }
        twice(|| Ok(catalog.check_owner()?))?;
        // A directory that is refused gets no folder, least of all that of another node.
        let mut news = Vec::new();
        for path in [layout::temporary_dir(), root.child(&keys.node().to_string())] {
            if let Some((path, place)) = obstacles::make_folder(&disk, &path)? {
                news.push(News::Obstacle { path, place });
            }
        }
        disk.sync_dir(&root).map_err(failed("sync", &root))?;
        let (ceiling, ranges) = twice(|| Ok((catalog.version_ceiling()?, catalog.reserved_versions()?)))?;
        let versions = Mutex::new(Versions::new(ceiling, ranges));
        let store = Self {
            disk,
            node: keys.node(),
            layout,
            catalog,
            tree: Mutex::default(),
            unsettled: Mutex::default(),
            attempts: AtomicU64::new(0),
            versions,
            news: Mutex::new(news),
        };
        let recovered = twice(|| store.recover(keys))?;
        let catalog = store.catalog.take_salvaged().map_or(origin, Origin::MadeForDamaged);
        Ok((store, Recovered { catalog, ..recovered }))
    }

    /// Makes changes durable, all or none. Returns false, and makes none, if the catalog has a newer version of a
    /// changed name, or another entry under the same version.
    ///
    /// # Errors
    /// After an error the changes are perhaps durable.
    pub fn commit(&self, changes: &[Change]) -> Result<bool, StorageError> {
        Ok(self.commit_each(&[changes])? == [true])
    }

    /// Makes groups of changes durable in one commit, and returns for each group whether it was made. A group is left
    /// out as a whole if the catalog has a newer version of a changed name, or another entry under the same version.
    ///
    /// # Errors
    /// After an error the changes are perhaps durable.
    pub fn commit_each(&self, groups: &[&[Change]]) -> Result<Vec<bool>, StorageError> {
        let made = self.catalog.commit(groups)?;
        for (group, _) in groups.iter().zip(&made).filter(|(_, is_made)| **is_made) {
            for change in *group {
                if let Change::Object(blob, Some(_)) = change {
                    self.remove_larger(blob);
                }
            }
        }
        Ok(made)
    }

    /// Returns what this node knows of one of its own files; `None` if the catalog has no such file, for example
    /// because it was deleted everywhere.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn own(&self, key: &Key) -> Result<Option<OwnRecord>, StorageError> {
        Ok(self.catalog.own(key)?)
    }

    /// Returns the newest version of an own file or of its deletion that the catalog names, whether there is proof of
    /// it or not. The key is `None` if it is not known.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn newest(&self, key: Option<&Key>, replica_name: ReplicaName) -> Result<Option<Version>, StorageError> {
        let stored = key.map(|key| self.own(key)).transpose()?.flatten();
        let deleted = self.tombstone(replica_name)?;
        Ok(stored.map(|record| record.seal.version).max(deleted.map(|tombstone| tombstone.version)))
    }

    /// Returns how many own files there are, and how many are deleted everywhere.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn count_own(&self) -> Result<(u64, u64), StorageError> {
        Ok(self.catalog.count_own()?)
    }

    /// Returns the peers that were ever connected, in the order of their ids, each with the address at which it is
    /// dialled; empty if it is not.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn peers(&self) -> Result<Vec<(NodeId, String)>, StorageError> {
        twice(|| Ok(self.catalog.peers()?))
    }

    /// Returns the key of an own file, which peers know by this name.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn key_of(&self, replica_name: ReplicaName) -> Result<Option<Key>, StorageError> {
        Ok(self.catalog.key_of(replica_name)?)
    }

    /// Returns this node's own files whose keys begin with `prefix`, in the order of their keys, from the first one
    /// after `after`.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn list_own(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, OwnRecord)>, StorageError> {
        Ok(self.catalog.list_own(prefix, after, limit)?)
    }

    /// Looks at the summary of this node's own files, or of the replicas that it holds for an owner. A summary takes 64
    /// KiB; it is made from the whole catalog when it is first wanted, and each commit updates it.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn summary<T>(&self, whose: Option<NodeId>, look: impl FnOnce(&Summary) -> T) -> Result<T, StorageError> {
        Ok(self.catalog.summary(whose, look)?)
    }

    /// Looks at the summary of those of this node's own files that a peer is to hold by a placement. There is one
    /// summary for each peer; all are made anew if the placement is another than at the call before.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn placed_summary<T>(
        &self,
        peer: NodeId,
        placement: &Placement,
        look: impl FnOnce(&Summary) -> T,
    ) -> Result<T, StorageError> {
        Ok(self.catalog.placed_summary(peer, placement, look)?)
    }

    /// Returns the entries in one leaf of the summary of this node's own files, or of the replicas that it holds for an
    /// owner, in the order of the names, from the first one after `after`.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn leaf(
        &self,
        whose: Option<NodeId>,
        leaf: Leaf,
        after: Option<ReplicaName>,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        let (first, last) = leaf.range();
        let from = match after {
            Some(after) => catalog::next_name(after).map(|next| next.max(first)),
            None => Some(first),
        };
        match from.filter(|from| *from <= last) {
            Some(from) => Ok(self.catalog.entries(whose, (from, last), limit)?),
            None => Ok(Vec::new()),
        }
    }

    fn path(&self, blob: &BlobId) -> DiskPath {
        self.layout.place(self.node, blob)
    }
}

#[cfg(test)]
pub(crate) mod tests;

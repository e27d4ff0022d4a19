//! The folders of the data directory: made for what is renamed into them, pruned when they are empty, and synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::iter;

use super::Store;
use super::error::{StorageError, failed};
use super::lock::lock;
use crate::disk::{Disk, DiskPath};

/// What is known of the folders. They are made and pruned under the lock of this, so that none disappears after it was
/// made and before it is used.
#[derive(Default)]
pub(super) struct Tree {
    /// Folders whose own names may not be durable yet.
    pub(super) volatile: BTreeSet<DiskPath>,
    /// Folders in which names may have changed and may not be durable, because a call on them has failed, with the
    /// number of the last such call. A start syncs everything.
    doubtful: BTreeMap<DiskPath, u64>,
    doubts: u64,
}

impl Tree {
    /// Notes that a call on the names in a folder has failed, and may have taken effect.
    pub(super) fn doubt(&mut self, folder: &DiskPath) {
        self.doubts += 1;
        self.doubtful.insert(folder.clone(), self.doubts);
    }

    /// Forgets what lies at a path and below it.
    pub(super) fn forget_below(&mut self, path: &DiskPath) {
        let is_below =
            |folder: &DiskPath| iter::successors(Some(folder.clone()), DiskPath::parent).any(|at| at == *path);
        self.volatile.retain(|folder| !is_below(folder));
        self.doubtful.retain(|folder, _| !is_below(folder));
    }
}

impl<D: Disk> Store<D> {
    /// Removes a folder and those above it that are empty, and makes durable what has changed there.
    pub(super) fn prune(&self, mut folder: DiskPath) -> Result<(), StorageError> {
        {
            let mut tree = lock(&self.tree);
            // The owner's folder stays: it is made when the node starts, or when the first replica for that owner
            // comes.
            while folder.parent().is_some_and(|parent| parent != DiskPath::root()) {
                match self.disk.remove_dir(&folder) {
                    // A neighbour that was deleted at the same time may have taken the folder with it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => break,
                    Err(error) => return Err(failed("remove", &folder)(error)),
                    Ok(()) => {
                        tree.volatile.remove(&folder);
                    }
                }
                folder = folder.parent().expect("checked by the loop");
            }
        }
        self.sync_nearest(folder)
    }

    /// Syncs a folder, or, if a neighbour's removal has pruned it, the nearest folder above it that is left: a sync
    /// there makes the pruning durable, and with it the removal of everything that the folder held.
    fn sync_nearest(&self, mut folder: DiskPath) -> Result<(), StorageError> {
        loop {
            match (self.disk.sync_dir(&folder), folder.parent()) {
                (Ok(()), _) => return Ok(()),
                (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => folder = parent,
                (Err(error), _) => return Err(failed("sync", &folder)(error)),
            }
        }
    }

    /// Makes durable what an earlier call may have changed in a folder, if one has failed there.
    pub(super) fn end_doubt(&self, folder: &DiskPath) -> Result<(), StorageError> {
        let Some(doubt) = lock(&self.tree).doubtful.get(folder).copied() else { return Ok(()) };
        self.prune(folder.clone())?;
        let mut tree = lock(&self.tree);
        // A call that has failed meanwhile may have changed something after the sync.
        if tree.doubtful.get(folder) == Some(&doubt) {
            tree.doubtful.remove(folder);
        }
        Ok(())
    }
}

/// Returns the folder and all folders above it except the root, from the top down.
pub(super) fn ancestors(folder: &DiskPath) -> Vec<DiskPath> {
    let mut path = DiskPath::root();
    folder
        .segments()
        .map(|segment| {
            path = path.child(segment);
            path.clone()
        })
        .collect()
}

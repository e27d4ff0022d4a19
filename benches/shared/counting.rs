//! A disk that counts its syncs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dacapo::disk::dir::DirDisk;
use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo_sim::disk::layer::{Layer, LayeredFile};

/// The disk of a measured node: a directory, and the count of its syncs.
#[derive(Clone, Debug)]
pub(crate) struct CountingDisk {
    disk: DirDisk,
    syncs: Arc<AtomicU64>,
}

dacapo_sim::layered!(CountingDisk);

impl CountingDisk {
    pub(crate) fn new(disk: DirDisk) -> Self {
        Self { disk, syncs: Arc::default() }
    }

    /// Returns how many syncs of files and directories there were so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

impl Layer for CountingDisk {
    type Below = DirDisk;

    fn below(&self) -> &DirDisk {
        &self.disk
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.disk.sync_dir(path)
    }

    fn sync(&self, file: &LayeredFile<Self>) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        file.below().sync()
    }
}

//! A directory that counts its syncs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dacapo::disk::dir::{DirDisk, DirFile};
use dacapo::disk::{Disk, DiskFile, DiskPath, Entry};

/// The disk of a benchmarked node.
#[derive(Clone, Debug)]
pub(crate) struct CountingDisk {
    disk: DirDisk,
    syncs: Arc<AtomicU64>,
}

/// An open file of one.
#[derive(Debug)]
pub(crate) struct CountingFile {
    file: DirFile,
    syncs: Arc<AtomicU64>,
}

impl CountingDisk {
    pub(crate) fn new(disk: DirDisk) -> Self {
        Self { disk, syncs: Arc::default() }
    }

    /// Syncs of files and directories so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn count(&self, file: DirFile) -> CountingFile {
        CountingFile { file, syncs: self.syncs.clone() }
    }
}

impl Disk for CountingDisk {
    type File = CountingFile;

    fn create(&self, path: &DiskPath) -> io::Result<CountingFile> {
        self.disk.create(path).map(|file| self.count(file))
    }

    fn open(&self, path: &DiskPath) -> io::Result<CountingFile> {
        self.disk.open(path).map(|file| self.count(file))
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.disk.make_dir(path)
    }

    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn list(&self, path: &DiskPath) -> io::Result<Vec<Entry>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.disk.sync_dir(path)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.sync_all()
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.disk.run(work).await
    }
}

impl DiskFile for CountingFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(position, buffer)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(position, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync()
    }

    fn start_sync(&self, position: u64, len: u64) {
        self.file.start_sync(position, len);
    }
}

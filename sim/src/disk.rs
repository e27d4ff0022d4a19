//! A disk in memory that outlives the host on it, and tells a kill from a power loss.
//!
//! A kill loses nothing: the kernel has every call that returned. A power loss takes back what was not synced, in
//! part: `content` says which bytes and lengths of a file may come back, `tree` says which names. A program that ran
//! on the disk before either of them can no longer touch it, not even from a destructor; the next program gets a
//! handle from [`SimDisk::boot`].

mod chance;
mod content;
mod copy;
mod failing;
mod file;
pub mod layer;
mod tree;

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dacapo::disk::{DirEntry, Disk, DiskPath, EntryKind};
use dacapo::seed::{Rng, SeedRng};

use content::PAGE_BYTES;
pub use failing::CallKind;
use failing::Failing;
pub use file::SimFile;
use tree::{Node, Tree, View};

/// How often a paused disk checks whether it may go on.
const PAUSE_STEP: Duration = Duration::from_millis(10);

/// A simulated disk. Clones are the same disk, as seen by the same life of the host.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Mutex<State>>,
    life: u64,
}

#[derive(Default)]
struct State {
    tree: Tree,
    /// How many hosts have died on this disk. A handle from an earlier life fails.
    life: u64,
    capacity_bytes: Option<u64>,
    delay: Option<Duration>,
    paused: bool,
    failing: Failing,
}

impl SimDisk {
    /// Makes an empty disk of unlimited size and no delay.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::default(), life: 0 }
    }

    /// Returns a handle for a host that starts on the disk. Take one at each start: the handles of the start before
    /// fail from the kill or power loss on.
    #[must_use]
    pub fn boot(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), life: self.state().life }
    }

    /// Ends the host's life. Every handle of the host fails from here on. Nothing that it did is lost, and what it
    /// did not sync can still be lost to a power loss.
    pub fn kill(&self) {
        self.state().life += 1;
    }

    /// Ends the host's life and takes back what was not synced, in part, as `rng` chooses. What is left is durable.
    /// Equal disks and equal draws leave the same.
    pub fn power_loss(&self, rng: &mut impl Rng) {
        let mut state = self.state();
        state.life += 1;
        state.tree.lose_power(rng);
    }

    /// Bounds the content of all files together, counted in pages of 4 KiB that are not holes. A write that
    /// needs more fails with `StorageFull` after the part that fits.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Makes each [`run`](Disk::run) take this long, half of it before the work and half after: a caller that
    /// gives up finds it done or not done.
    pub fn set_delay(&self, delay: Option<Duration>) {
        self.state().delay = delay;
    }

    /// Holds up every [`run`](Disk::run), or lets them go on.
    pub fn set_paused(&self, paused: bool) {
        self.state().paused = paused;
    }

    /// Makes `per_mille` of a thousand calls of a kind fail without effect, as `rng` chooses; 0 ends the errors.
    pub fn set_errors(&self, kind: CallKind, per_mille: u32, rng: SeedRng) {
        self.state().failing.set(kind, per_mille, rng);
    }

    /// Swaps the content of two files, both what a read returns and what is durable.
    ///
    /// # Errors
    /// If one of them is not a file.
    pub fn swap(&self, one: &str, other: &str) -> io::Result<()> {
        let state = self.state();
        let files = (state.tree.find(segments(one))?, state.tree.find(segments(other))?);
        let (Node::File(first), Node::File(second)) = files else { return Err(ErrorKind::IsADirectory.into()) };
        if !Arc::ptr_eq(&first, &second) {
            std::mem::swap(&mut *content::lock(&first), &mut *content::lock(&second));
        }
        Ok(())
    }

    /// Flips the lowest bit of one byte of a file, both in what a read returns and in what is durable.
    ///
    /// # Errors
    /// If there is no such file, or the byte is not in it.
    pub fn corrupt(&self, path: &str, byte_position: u64) -> io::Result<()> {
        let state = self.state();
        let Node::File(content) = state.tree.find(segments(path))? else {
            return Err(ErrorKind::IsADirectory.into());
        };
        content::lock(&content).flip_bit(byte_position)
    }

    /// Returns all that a host sees, sorted by path: path, kind and length, 0 for a directory.
    #[must_use]
    pub fn tree(&self) -> Vec<(String, EntryKind, u64)> {
        self.state().tree.paths(View::Seen)
    }

    /// Returns what is left, like [`tree`](Self::tree), after a power loss that takes back all that it can.
    #[must_use]
    pub fn durable_tree(&self) -> Vec<(String, EntryKind, u64)> {
        self.state().tree.paths(View::Durable)
    }

    /// Returns the content of a file as a host sees it; `None` if there is no such file.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let Ok(Node::File(content)) = self.state().tree.find(segments(path)) else { return None };
        let content = content::lock(&content);
        let len = usize::try_from(content.len()).expect("what is inspected fits into memory");
        let mut bytes = vec![0; len];
        content.read(0, &mut bytes);
        Some(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("no call panics while it holds the disk")
    }

    /// Does to a file what a sync that fails does, if the host is alive.
    fn fail_sync(&self, file: &content::SharedContent) {
        let mut state = self.state();
        if state.life == self.life
            && let Some(rng) = state.failing.rng(CallKind::Sync)
        {
            content::lock(file).fail_sync(rng);
        }
    }

    /// Locks the disk for one call of a host that is alive.
    fn call(&self, kind: CallKind) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.life != self.life {
            return Err(io::Error::other("the host that held this handle is dead"));
        }
        state.failing.draw(kind)?;
        Ok(state)
    }
}

impl State {
    /// Returns how many pages may still be filled.
    fn pages_free(&self) -> u64 {
        let Some(bytes) = self.capacity_bytes else { return u64::MAX };
        (bytes / PAGE_BYTES as u64).saturating_sub(self.tree.pages())
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("life", &self.life).finish_non_exhaustive()
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, path: &DiskPath) -> io::Result<SimFile> {
        let content = self.call(CallKind::Names)?.tree.create(path)?;
        Ok(SimFile::new(self.clone(), content))
    }

    fn open(&self, path: &DiskPath) -> io::Result<SimFile> {
        match self.call(CallKind::Names)?.tree.find(path.segments())? {
            Node::File(content) => Ok(SimFile::new(self.clone(), content)),
            Node::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Rename)?.tree.rename(from, to)
    }

    fn move_away(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Rename)?.tree.move_away(from, to)
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names)?.tree.remove(path)
    }

    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names)?.tree.make_dir(path)
    }

    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names)?.tree.remove_dir(path)
    }

    fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        self.call(CallKind::Names)?.tree.list(path)
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Sync)?.tree.sync_dir(path)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.call(CallKind::Sync)?.tree.sync_all();
        Ok(())
    }

    /// Runs the work in place, so that a simulation has one thread and one order.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        while self.state().paused {
            tokio::time::sleep(PAUSE_STEP).await;
        }
        let delay = self.state().delay;
        let Some(delay) = delay else { return work() };
        tokio::time::sleep(delay / 2).await;
        let result = work();
        tokio::time::sleep(delay / 2).await;
        result
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

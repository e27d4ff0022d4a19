//! A disk in memory that outlives the host on it, and tells a kill from a power loss.
//!
//! A kill loses nothing: the kernel has every call that returned. A power loss takes back what was not synced, in
//! part: `content` says which bytes and lengths of a file may come back, `tree` says which names. A program that ran
//! on the disk before either of them can no longer touch it, not even from a destructor; the next program gets a
//! handle from [`SimDisk::boot`].

mod chance;
mod content;
mod copy;
mod counted;
mod damage;
mod failing;
mod faults;
mod file;
pub mod layer;
mod misdirected;
mod tree;

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dacapo::disk::{DirEntry, Disk, DiskPath, EntryKind};
use dacapo::seed::Rng;

use content::PAGE_BYTES;
use counted::Counted;
pub use failing::CallKind;
use failing::{Failing, Moment};
pub use file::SimFile;
use misdirected::Misdirected;
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
    lying: bool,
    has_lied: bool,
    failing: Failing,
    misdirected: Misdirected,
    counted: Counted,
    /// The life that ended in the middle of a call.
    cut_off: Option<u64>,
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
        state.has_lied = false;
        state.tree.lose_power(rng);
    }

    /// Whether a sync has lied since all was made durable, by a power loss or otherwise.
    #[must_use]
    pub fn has_lied(&self) -> bool {
        self.state().has_lied
    }

    /// Makes the files that have these paths durable, and the names in their directories, which have to be durable.
    pub fn make_durable(&self, is_meant: impl Fn(&str) -> bool) {
        self.state().tree.make_durable_if(is_meant);
    }

    /// Ends the host's life at a call, just before it takes effect: the `number`th of a kind, or of all kinds but
    /// reads, since the disk was made. A program learns nothing of it: what it has [`run`](Disk::run) never returns.
    pub fn die_at(&self, kind: Option<CallKind>, number: u64) {
        self.state().counted.die_at(kind, number);
    }

    /// Forgets at which calls the host was to die.
    pub fn spare(&self) {
        self.state().counted.spare();
    }

    /// Returns how many calls of a kind, or of all kinds but reads, hosts have made since the disk was made.
    #[must_use]
    pub fn calls(&self, kind: Option<CallKind>) -> u64 {
        self.state().counted.calls(kind)
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

    /// Returns the content of a file as a host sees it; `None` if there is no such file, or it cannot be read.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        if self.is_unreadable(path) { None } else { self.content(path) }
    }

    /// Returns what lies on the disk of a file, even if a host cannot read it.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let Ok(Node::File(content)) = self.state().tree.find(segments(path)) else { return None };
        let content = content::lock(&content);
        let len = usize::try_from(content.len()).expect("what is inspected fits into memory");
        let mut bytes = vec![0; len];
        content.read(0, &mut bytes);
        Some(bytes)
    }

    /// Returns the first bytes of a file as a host sees it; `None` if there is no such file, or it is shorter.
    #[must_use]
    pub fn first<const BYTES: usize>(&self, path: &str) -> Option<[u8; BYTES]> {
        let Ok(Node::File(content)) = self.state().tree.find(segments(path)) else { return None };
        let mut bytes = [0; BYTES];
        (content::lock(&content).read(0, &mut bytes) == BYTES).then_some(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("no call panics while it holds the disk")
    }

    /// Does one call of a host that is alive.
    fn call<T>(&self, kind: CallKind, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        if state.life != self.life {
            return Err(dead());
        }
        if state.counted.count(kind) {
            state.cut_off = Some(self.life);
            state.life += 1;
            return Err(dead());
        }
        state.failing.draw(kind, Moment::Before)?;
        let done = work(&mut state)?;
        state.failing.draw(kind, Moment::After)?;
        Ok(done)
    }
}

impl State {
    /// Whether a sync that is made now lies.
    fn lies(&mut self) -> bool {
        self.has_lied |= self.lying;
        self.lying
    }

    /// Returns how many pages may still be filled.
    fn pages_free(&self) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |bytes| (bytes / PAGE_BYTES as u64).saturating_sub(self.tree.pages()))
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
        let content = self.call(CallKind::Names, |state| state.tree.create(path))?;
        Ok(SimFile::new(self.clone(), content))
    }

    fn open(&self, path: &DiskPath) -> io::Result<SimFile> {
        let content = self.call(CallKind::Names, |state| match state.tree.find(path.segments())? {
            Node::File(content) => Ok(content),
            Node::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        })?;
        Ok(SimFile::new(self.clone(), content))
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Rename, |state| state.tree.rename(from, to))
    }

    fn move_away(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Rename, |state| state.tree.move_away(from, to))
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names, |state| state.tree.remove(path))
    }

    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names, |state| state.tree.make_dir(path))
    }

    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Names, |state| state.tree.remove_dir(path))
    }

    fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        self.call(CallKind::Names, |state| state.tree.list(path))
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(CallKind::Sync, |state| match state.lies() {
            true => state.tree.list(path).map(drop),
            false => state.tree.sync_dir(path),
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.call(CallKind::Sync, |state| {
            if !state.lies() {
                state.tree.sync_all();
                state.has_lied = false;
            }
            Ok(())
        })
    }

    /// Runs the work in place, so that a simulation has one thread and one order.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        while self.state().paused {
            tokio::time::sleep(PAUSE_STEP).await;
        }
        let delay = self.state().delay.map(|delay| delay / 2);
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let result = work();
        if self.state().cut_off == Some(self.life) {
            return std::future::pending().await;
        }
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        result
    }
}

fn dead() -> io::Error {
    io::Error::other("the host that held this handle is dead")
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

//! A disk that is wrong in one way.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use dacapo::disk::{Disk, DiskFile, DiskPath, Entry, EntryKind};

use super::Bug;
use crate::disk::{SimDisk, SimFile};

const CATALOG: &str = "catalog.redb";

/// A simulated disk with a planted bug.
#[derive(Clone)]
pub struct BugDisk {
    disk: SimDisk,
    bug: Bug,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    count: u64,
    /// Writes that wait, to be made later or never.
    waiting: Vec<(Arc<SimFile>, u64, Vec<u8>)>,
    log: Option<Arc<SimFile>>,
    logged: u64,
}

/// An open file of it.
#[derive(Debug)]
pub struct BugFile {
    file: Arc<SimFile>,
    path: DiskPath,
    disk: BugDisk,
}

impl BugDisk {
    /// A disk with a bug.
    #[must_use]
    pub fn new(disk: SimDisk, bug: Bug) -> Self {
        let wrong = Self { disk, bug, state: Arc::default() };
        // A host that finds no catalog, or an old one, finds it so before its node starts.
        wrong.before_start().ok();
        wrong
    }

    fn before_start(&self) -> io::Result<()> {
        let (catalog, old) = (root(CATALOG), root("catalog.old"));
        match self.bug {
            Bug::NoCatalog => self.disk.remove(&catalog),
            Bug::OldCatalog => {
                let newest = self.disk.read(CATALOG);
                if let Some(bytes) = self.disk.read("catalog.old") {
                    self.write_whole(&catalog, &bytes)?;
                }
                newest.map_or(Ok(()), |bytes| self.write_whole(&old, &bytes))
            }
            _ => Ok(()),
        }
    }

    fn write_whole(&self, path: &DiskPath, bytes: &[u8]) -> io::Result<()> {
        // There may be none.
        self.disk.remove(path).ok();
        let file = self.disk.create(path)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.disk.sync_all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the state")
    }

    fn file(&self, file: SimFile, path: &DiskPath) -> BugFile {
        BugFile { file: Arc::new(file), path: path.clone(), disk: self.clone() }
    }

    /// Counts what the bug counts.
    fn count(&self) -> u64 {
        let mut state = self.state();
        state.count += 1;
        state.count
    }

    fn make_waiting_writes(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        for (file, position, bytes) in waiting {
            file.write_at(position, &bytes).ok();
        }
    }

    /// Another file beside this one, up to its first folder.
    fn neighbour(&self, path: &DiskPath) -> Option<DiskPath> {
        let prefix: Vec<_> = path.segments().take(1).collect();
        let prefix = format!("{}/", prefix.join("/"));
        let tree = self.disk.tree();
        let other = tree
            .iter()
            .find(|(other, kind, _)| *kind == EntryKind::File && other.starts_with(&prefix) && other != path.as_str());
        other.map(|(other, ..)| other.split('/').fold(DiskPath::root(), |path, segment| path.child(segment)))
    }

    fn log(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.log.is_none() {
            state.log = self.disk.create(&root("log")).ok().map(Arc::new);
        }
        let at = state.logged;
        if let Some(log) = &state.log {
            log.write_at(at, bytes).ok();
        }
        state.logged += bytes.len() as u64;
    }
}

fn root(name: &str) -> DiskPath {
    DiskPath::root().child(name)
}

fn is_temporary(path: &DiskPath) -> bool {
    path.as_str().starts_with("tmp/")
}

fn is_replica(path: &DiskPath) -> bool {
    // Six folders below the owner's, where an own file has eight.
    path.segments().count() == 8
}

impl std::fmt::Debug for BugDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BugDisk({})", self.bug.name())
    }
}

impl Disk for BugDisk {
    type File = BugFile;

    fn create(&self, path: &DiskPath) -> io::Result<BugFile> {
        if self.bug == Bug::AckBeforeWrite {
            self.make_waiting_writes();
        }
        Ok(self.file(self.disk.create(path)?, path))
    }

    fn open(&self, path: &DiskPath) -> io::Result<BugFile> {
        if self.bug == Bug::OtherReplicaOpened && is_replica(path) {
            let other = self.neighbour(path).unwrap_or_else(|| path.clone());
            return Ok(self.file(self.disk.open(&other)?, path));
        }
        Ok(self.file(self.disk.open(path)?, path))
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        match self.bug {
            Bug::StaleReplica if is_replica(to) && self.disk.open(to).is_ok() => self.disk.remove(from),
            Bug::ReplicaUnderOtherName if is_replica(to) => {
                let other = self.neighbour(to).unwrap_or_else(|| to.clone());
                self.disk.rename(from, &other)
            }
            Bug::RenameErrorHidden => {
                self.disk.rename(from, to).ok();
                Ok(())
            }
            _ => self.disk.rename(from, to),
        }
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        match self.bug {
            Bug::RemoveForgotten if !is_temporary(path) => Ok(()),
            Bug::ReplicaRemoveForgotten if is_replica(path) => Ok(()),
            Bug::DiscardForgotten if is_temporary(path) => Ok(()),
            Bug::RemoveTakesNeighbour if !is_temporary(path) => {
                if let Some(other) = self.neighbour(path) {
                    self.disk.remove(&other)?;
                }
                self.disk.remove(path)
            }
            _ => self.disk.remove(path),
        }
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
        match self.bug {
            Bug::DirSyncLies => Ok(()),
            _ => self.disk.sync_dir(path),
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.sync_all()
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.disk.run(work).await
    }
}

impl BugFile {
    fn write_wrongly(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let number = self.disk.count();
        let is_blob = is_temporary(&self.path);
        match self.disk.bug {
            Bug::LostWrite if is_blob && number.is_multiple_of(10) => Ok(()),
            Bug::MisplacedWrite if is_blob && position > 0 => self.file.write_at(0, bytes),
            Bug::AckBeforeWrite if is_blob => {
                self.disk.state().waiting.push((self.file.clone(), position, bytes.to_vec()));
                Ok(())
            }
            Bug::CatalogWriteAfterSync if self.path.as_str() == CATALOG && number.is_multiple_of(3) => {
                self.disk.state().waiting.push((self.file.clone(), position, bytes.to_vec()));
                Ok(())
            }
            Bug::WriteErrorHidden => {
                self.file.write_at(position, bytes).ok();
                Ok(())
            }
            Bug::SecretLogged if self.path.as_str().starts_with("identity") => {
                self.disk.log(bytes);
                self.file.write_at(position, bytes)
            }
            Bug::ContentLogged if self.path.as_str().starts_with("tmp/own.") => {
                self.disk.log(bytes);
                self.file.write_at(position, bytes)
            }
            _ => self.file.write_at(position, bytes),
        }
    }
}

impl DiskFile for BugFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(position, buffer)?;
        let is_end = position + count as u64 == self.file.len()?;
        let is_short = self.disk.bug == Bug::ReplicaReadShort && is_replica(&self.path) && is_end;
        Ok(if is_short { count.saturating_sub(1) } else { count })
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_wrongly(position, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        let is_catalog = self.path.as_str() == CATALOG;
        match self.disk.bug {
            Bug::SyncLies => Ok(()),
            Bug::CatalogSyncLies if is_catalog => Ok(()),
            Bug::BlobSyncLies if !is_catalog => Ok(()),
            Bug::CatalogWriteAfterSync if is_catalog => {
                let synced = self.file.sync();
                self.disk.make_waiting_writes();
                synced
            }
            Bug::ThirdSyncLies if !is_catalog => {
                if self.disk.count().is_multiple_of(3) {
                    Ok(())
                } else {
                    self.file.sync()
                }
            }
            _ => self.file.sync(),
        }
    }
}

//! A disk that is wrong in one way.

mod deeds;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::store::layout::members;

use crate::disk::layer::{Layer, LayeredFile};
use crate::disk::{SimDisk, SimFile};
use crate::store::bug::Bug;
use crate::store::call::KEY_MARKER;
use crate::store::clients::contains;

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
    /// Writes that are made later, or never.
    waiting: Vec<(Arc<SimFile>, u64, Vec<u8>)>,
    /// Whether a file was removed since the last sync of a directory.
    has_removed: bool,
    /// What was read of replicas: the path, the position and the length of each read.
    cached: BTreeMap<(String, u64, usize), Vec<u8>>,
    log: Option<Arc<SimFile>>,
    logged: u64,
}

crate::layered!(BugDisk);

impl BugDisk {
    /// Puts a bug on a disk.
    #[must_use]
    pub fn new(disk: SimDisk, bug: Bug) -> Self {
        let wrong = Self { disk, bug, state: Arc::default() };
        // The catalog that a bug takes away, or puts an old one in the place of, is gone before the node starts.
        wrong.before_start().ok();
        wrong
    }
}

fn root(name: &str) -> DiskPath {
    DiskPath::root().child(name)
}

/// Returns bytes of which one bit has flipped.
fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    if let Some(last) = flipped.last_mut() {
        *last ^= 1;
    }
    flipped
}

fn is_temporary(path: &DiskPath) -> bool {
    path.as_str().starts_with("tmp/")
}

fn is_blob(path: &DiskPath) -> bool {
    path.segments().next().is_some_and(|folder| folder.len() == 64)
}

fn is_replica(path: &DiskPath) -> bool {
    // Six folders below the owner's, where an own file has eight.
    path.segments().count() == 8
}

impl Layer for BugDisk {
    type Below = SimDisk;

    fn below(&self) -> &SimDisk {
        &self.disk
    }

    fn create(&self, path: &DiskPath) -> io::Result<SimFile> {
        if self.bug == Bug::AckBeforeWrite {
            self.make_waiting_writes();
        }
        self.disk.create(path)
    }

    fn open(&self, path: &DiskPath) -> io::Result<SimFile> {
        if self.bug == Bug::OtherReplicaOpened && is_replica(path) {
            let other = self.neighbour(path).unwrap_or_else(|| path.clone());
            return self.disk.open(&other);
        }
        let opened = self.disk.open(path)?;
        if self.bug == Bug::ReplicaReadOnce && is_replica(path) {
            self.disk.remove(path)?;
        }
        Ok(opened)
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.forget_cached(to);
        match self.bug {
            Bug::StaleReplica if is_replica(to) && self.disk.open(to).is_ok() => self.disk.remove(from),
            Bug::ReplicaUnderOtherName if is_replica(to) => {
                let other = self.neighbour(to).unwrap_or_else(|| to.clone());
                self.disk.rename(from, &other)
            }
            // Whatever else is renamed comes from the folder of temporary files, or goes to a folder for people.
            Bug::ConvertLosesFile if is_blob(from) && is_blob(to) => self.disk.remove(from),
            Bug::ShorterInPlace if is_blob(to) => {
                self.disk.rename(from, to)?;
                let file = self.disk.open(to)?;
                file.set_len(file.len()?.saturating_sub(1))?;
                file.sync()
            }
            Bug::ReplicaVanishes if is_replica(to) && self.count().is_multiple_of(5) => self.disk.remove(from),
            Bug::RenameErrorHidden => {
                self.disk.rename(from, to).ok();
                Ok(())
            }
            Bug::FailedRenameLoses if is_temporary(from) => {
                self.disk.rename(from, to).inspect_err(|_| drop(self.disk.remove(from)))
            }
            _ => self.disk.rename(from, to),
        }
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        match self.bug {
            Bug::RemovalSyncLies if is_blob(path) => {
                self.state().has_removed = true;
                self.disk.remove(path)
            }
            Bug::RemoveForgotten if !is_temporary(path) => Ok(()),
            Bug::ReplicaRemoveForgotten if is_replica(path) => Ok(()),
            Bug::DiscardForgotten | Bug::DiscardForgottenAmidLoss if is_temporary(path) => Ok(()),
            Bug::RemoveTakesNeighbour if !is_temporary(path) => {
                if let Some(other) = self.neighbour(path) {
                    self.disk.remove(&other)?;
                }
                self.disk.remove(path)
            }
            _ => self.disk.remove(path),
        }
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        match self.bug {
            Bug::DirSyncLies => Ok(()),
            Bug::RemovalSyncLies if std::mem::take(&mut self.state().has_removed) => Ok(()),
            Bug::MembersSyncLies if self.disk.read(members().as_str()).is_some() && *path == DiskPath::root() => Ok(()),
            Bug::SyncErrorHidden => {
                self.disk.sync_dir(path).ok();
                Ok(())
            }
            _ => self.disk.sync_dir(path),
        }
    }

    fn read_at(&self, file: &LayeredFile<Self>, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bug == Bug::ReplicaReadsCached && is_replica(file.path()) {
            return self.read_cached(file, position, buffer);
        }
        let read = file.below().read_at(position, buffer);
        if self.bug == Bug::ReadErrorHidden && read.is_err() {
            buffer.fill(0);
            return Ok(buffer.len());
        }
        let count = read?;
        let is_end = position + count as u64 == file.below().len()?;
        let is_short = self.bug == Bug::ReplicaReadShort && is_replica(file.path()) && is_end;
        Ok(if is_short { count.saturating_sub(1) } else { count })
    }

    fn write_at(&self, file: &LayeredFile<Self>, position: u64, bytes: &[u8]) -> io::Result<()> {
        let number = self.count();
        let is_blob = is_temporary(file.path());
        match self.bug {
            Bug::LostWrite if is_blob && number.is_multiple_of(10) => Ok(()),
            Bug::MisplacedWrite if is_blob && position > 0 => file.below().write_at(0, bytes),
            Bug::AckBeforeWrite if is_blob => {
                self.state().waiting.push((file.below().clone(), position, bytes.to_vec()));
                Ok(())
            }
            Bug::CatalogWriteAfterSync if file.path().as_str() == CATALOG && number.is_multiple_of(3) => {
                self.state().waiting.push((file.below().clone(), position, bytes.to_vec()));
                Ok(())
            }
            Bug::PanicSwallowed if file.path().as_str() == CATALOG && number.is_multiple_of(40) => {
                panic!("a planted bug panics");
            }
            Bug::WriteErrorHidden => {
                file.below().write_at(position, bytes).ok();
                Ok(())
            }
            Bug::ReplicaErrorHidden if file.path().as_str().starts_with("tmp/held.") => {
                file.below().write_at(position, bytes).ok();
                Ok(())
            }
            Bug::OwnBitFlips if file.path().as_str().starts_with("tmp/own.") => {
                file.below().write_at(position, &flipped(bytes))
            }
            Bug::ReplicaBitFlips if file.path().as_str().starts_with("tmp/held.") => {
                file.below().write_at(position, &flipped(bytes))
            }
            Bug::NamesLogged if file.path().as_str() == CATALOG && contains(bytes, KEY_MARKER) => {
                self.log(bytes);
                file.below().write_at(position, bytes)
            }
            Bug::SecretLogged if file.path().as_str().starts_with("identity") => {
                self.log(bytes);
                file.below().write_at(position, bytes)
            }
            Bug::ContentLogged if file.path().as_str().starts_with("tmp/own.") => {
                self.log(bytes);
                file.below().write_at(position, bytes)
            }
            _ => file.below().write_at(position, bytes),
        }
    }

    fn sync(&self, file: &LayeredFile<Self>) -> io::Result<()> {
        let is_catalog = file.path().as_str() == CATALOG;
        match self.bug {
            Bug::SyncLies => Ok(()),
            Bug::SyncErrorHidden => {
                file.below().sync().ok();
                Ok(())
            }
            Bug::CatalogSyncLies if is_catalog => Ok(()),
            Bug::BlobSyncLies if is_temporary(file.path()) => Ok(()),
            Bug::CatalogWriteAfterSync if is_catalog => {
                let synced = file.below().sync();
                self.make_waiting_writes();
                synced
            }
            Bug::ThirdSyncLies if is_temporary(file.path()) => {
                if self.count().is_multiple_of(3) {
                    Ok(())
                } else {
                    file.below().sync()
                }
            }
            _ => file.below().sync(),
        }
    }
}

//! What a wrong disk does besides the calls on it, or in the place of one.

use std::io;
use std::sync::{Arc, MutexGuard};

use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo::store::layout::{identity, members, temporary_dir};

use super::{BugDisk, CATALOG, State, root};
use crate::disk::layer::LayeredFile;
use crate::store::bug::Bug;

impl BugDisk {
    pub(super) fn before_start(&self) -> io::Result<()> {
        let (catalog, old) = (root(CATALOG), root("catalog.old"));
        match self.bug {
            Bug::NoCatalog => self.disk.remove(&catalog),
            Bug::NoMembers => self.disk.remove(&members()),
            Bug::OtherIdentity if self.disk.read(CATALOG).is_none() => self.disk.remove(&identity()),
            Bug::NoTemporaries => {
                for entry in self.disk.list(&temporary_dir())? {
                    self.disk.remove(&temporary_dir().child(&entry.name))?;
                }
                Ok(())
            }
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

    pub(super) fn write_whole(&self, path: &DiskPath, bytes: &[u8]) -> io::Result<()> {
        // The file may be absent.
        self.disk.remove(path).ok();
        let file = self.disk.create(path)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.disk.sync_all()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the state")
    }

    /// Counts one more of what the bug counts.
    pub(super) fn count(&self) -> u64 {
        let mut state = self.state();
        state.count += 1;
        state.count
    }

    pub(super) fn make_waiting_writes(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        for (file, position, bytes) in waiting {
            file.write_at(position, &bytes).ok();
        }
    }

    /// Returns another file below the first folder of this one.
    pub(super) fn neighbour(&self, path: &DiskPath) -> Option<DiskPath> {
        let prefix: Vec<_> = path.segments().take(1).collect();
        let prefix = format!("{}/", prefix.join("/"));
        let tree = self.disk.tree();
        let other = tree
            .iter()
            .find(|(other, kind, _)| *kind == EntryKind::File && other.starts_with(&prefix) && other != path.as_str());
        other.map(|(other, ..)| other.split('/').fold(DiskPath::root(), |path, segment| path.child(segment)))
    }

    pub(super) fn log(&self, bytes: &[u8]) {
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

    /// Reads a replica as it was when the same place was read first since it got its name.
    pub(super) fn read_cached(&self, file: &LayeredFile<Self>, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let place = (file.path().as_str().to_owned(), position, buffer.len());
        if let Some(bytes) = self.state().cached.get(&place) {
            buffer[..bytes.len()].copy_from_slice(bytes);
            return Ok(bytes.len());
        }
        let count = file.below().read_at(position, buffer)?;
        self.state().cached.insert(place, buffer[..count].to_vec());
        Ok(count)
    }

    /// Forgets what was read of a replica.
    pub(super) fn forget_cached(&self, path: &DiskPath) {
        self.state().cached.retain(|(of, ..), _| of != path.as_str());
    }
}

//! Blobs: written beside their place, renamed into it, read, and removed with the folders that they leave empty.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::Ordering;

use super::layout::{self, BlobId};
use super::{Store, StoreError, failed, lock};
use crate::crypto::Version;
use crate::disk::{Disk, DiskFile, DiskPath, read_full};
use crate::limits::QUARANTINE_FILES_MAX;

/// A blob that is being written under its temporary name.
#[derive(Debug)]
pub struct BlobWriter<F> {
    pub(super) blob: BlobId,
    pub(super) version: Version,
    pub(super) temporary: DiskPath,
    file: F,
    position: u64,
}

/// An open blob, read from its start to its end.
#[derive(Debug)]
pub struct BlobReader<F> {
    path: DiskPath,
    file: F,
    position: u64,
    len: u64,
}

/// Folders whose own names may not be durable yet. Making and pruning folders happens under this lock, so that no
/// folder disappears between being made and being used.
#[derive(Default)]
pub(super) struct Tree {
    volatile: BTreeSet<DiskPath>,
}

impl<F: DiskFile> BlobWriter<F> {
    /// Appends.
    ///
    /// # Errors
    /// The temporary file is then of no further use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_at(self.position, bytes).map_err(failed("write", &self.temporary))?;
        self.file.start_sync(self.position, bytes.len() as u64);
        self.position += bytes.len() as u64;
        Ok(())
    }
}

impl<F: DiskFile> BlobReader<F> {
    /// The length in bytes when it was opened.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty file is a file like any other")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The next bytes, at most as many as the buffer takes; fewer only at the end.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let count = read_full(&self.file, self.position, buffer).map_err(failed("read", &self.path))?;
        self.position += count as u64;
        Ok(count)
    }

    /// Starts again at the first byte.
    pub fn rewind(&mut self) {
        self.position = 0;
    }
}

impl<D: Disk> Store<D> {
    /// Begins to write one version of a blob, beside any other attempt to do so.
    ///
    /// # Errors
    /// Where the temporary file cannot be made.
    pub fn write_blob(&self, blob: BlobId, version: Version) -> Result<BlobWriter<D::File>, StoreError> {
        let temporary = layout::temporary(&blob, version, self.attempts.fetch_add(1, Ordering::Relaxed));
        let file = self.disk.create(&temporary).map_err(failed("create", &temporary))?;
        Ok(BlobWriter { blob, version, temporary, file, position: 0 })
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// Nothing is then known of what is durable.
    pub fn sync_blob(&self, writer: &BlobWriter<D::File>) -> Result<(), StoreError> {
        writer.file.sync().map_err(failed("sync", &writer.temporary))
    }

    /// Makes the temporary names durable: a commit that names a blob may be all that a crash leaves besides.
    ///
    /// # Errors
    /// No commit may then name a blob that was created before.
    pub fn sync_temporary_names(&self) -> Result<(), StoreError> {
        let folder = layout::temporary_dir();
        self.disk.sync_dir(&folder).map_err(failed("sync", &folder))
    }

    /// Gives a synced blob its final name, in place of an older version, and makes the name durable.
    ///
    /// # Errors
    /// The blob then has its old or its new name; [`settle`](Self::settle) finishes what a commit has announced.
    pub fn publish(&self, writer: &BlobWriter<D::File>) -> Result<(), StoreError> {
        self.rename_into_place(&writer.temporary, &writer.blob)
    }

    pub(super) fn rename_into_place(&self, temporary: &DiskPath, blob: &BlobId) -> Result<(), StoreError> {
        let path = self.path(blob);
        let folder = path.parent().expect("a blob lies below the root");
        let mut sync = vec![folder.clone()];
        let mut made_durable = Vec::new();
        {
            let mut tree = lock(&self.tree);
            for folder in ancestors(&folder) {
                match self.disk.make_dir(&folder) {
                    Ok(()) => {
                        tree.volatile.insert(folder.clone());
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed("create", &folder)(error)),
                }
                if tree.volatile.contains(&folder) {
                    sync.push(folder.parent().expect("the root is no ancestor"));
                    made_durable.push(folder);
                }
            }
            self.disk.rename(temporary, &path).map_err(failed("rename", temporary))?;
        }
        for folder in &sync {
            self.disk.sync_dir(folder).map_err(failed("sync", folder))?;
        }
        let mut tree = lock(&self.tree);
        for folder in made_durable {
            tree.volatile.remove(&folder);
        }
        Ok(())
    }

    /// Drops a blob that is not to be published. The next start drops it where this fails.
    ///
    /// # Errors
    /// Where the temporary file cannot be removed.
    pub fn discard(&self, writer: &BlobWriter<D::File>) -> Result<(), StoreError> {
        self.disk.remove(&writer.temporary).map_err(failed("remove", &writer.temporary))
    }

    /// Opens a blob for reading; `None` where there is none.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn read_blob(&self, blob: &BlobId) -> Result<Option<BlobReader<D::File>>, StoreError> {
        self.read_path(self.path(blob))
    }

    pub(super) fn read_path(&self, path: DiskPath) -> Result<Option<BlobReader<D::File>>, StoreError> {
        let file = match self.disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let len = file.len().map_err(failed("read", &path))?;
        Ok(Some(BlobReader { path, file, position: 0, len }))
    }

    /// Whether the blob is on this disk.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn has_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        Ok(self.read_blob(blob)?.is_some())
    }

    /// Removes a blob and the folders that it leaves empty; false where there was none. Durable on return.
    ///
    /// # Errors
    /// The blob may then be gone or not.
    pub fn remove_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        self.take_away(blob, |path| self.disk.remove(path))
    }

    /// Moves a damaged blob out of the way, for people to look at; removes it where enough lie there already.
    ///
    /// # Errors
    /// The blob may then be in its place or not.
    pub fn set_aside(&self, blob: &BlobId) -> Result<bool, StoreError> {
        let folder = layout::quarantine_dir();
        match self.disk.make_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("create", &folder)(error));
            }
            _ => {}
        }
        let lying = self.disk.list(&folder).map_err(failed("list", &folder))?.len();
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        self.take_away(blob, |path| match lying < QUARANTINE_FILES_MAX {
            true => self.disk.rename(path, &layout::quarantined(blob, number)),
            false => self.disk.remove(path),
        })
    }

    /// Takes a blob from its place, and prunes the folders that it leaves empty.
    fn take_away(&self, blob: &BlobId, take: impl FnOnce(&DiskPath) -> io::Result<()>) -> Result<bool, StoreError> {
        let path = self.path(blob);
        match take(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("remove", &path)(error)),
        }
        let mut folder = path.parent().expect("a blob lies below the root");
        {
            let mut tree = lock(&self.tree);
            // The folder of the owner stays: it is made when the node starts or the first replica comes.
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
        self.sync_nearest(folder)?;
        Ok(true)
    }

    /// Syncs a folder, or the nearest one above it that is left: where a neighbour's removal has pruned it, that
    /// is where its going is made durable, and what it held goes with it.
    fn sync_nearest(&self, mut folder: DiskPath) -> Result<(), StoreError> {
        loop {
            match (self.disk.sync_dir(&folder), folder.parent()) {
                (Ok(()), _) => return Ok(()),
                (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => folder = parent,
                (Err(error), _) => return Err(failed("sync", &folder)(error)),
            }
        }
    }
}

/// The folder and all above it but the root, from the top down.
fn ancestors(folder: &DiskPath) -> Vec<DiskPath> {
    let mut path = DiskPath::root();
    folder
        .segments()
        .map(|segment| {
            path = path.child(segment);
            path.clone()
        })
        .collect()
}

//! Blobs: written beside their place, renamed into it, read, and removed. What a blob must hold is left to the catalog.

use std::io;
use std::sync::atomic::Ordering;

use super::error::{StorageError, failed};
use super::folders::ancestors;
use super::layout::{self, BlobId, Layout};
use super::lock::lock;
use super::reader::BlobReader;
use super::writer::BlobWriter;
use super::{Change, PASSING, Store};
use crate::crypto::{FileName, Version};
use crate::disk::{Disk, DiskFile, DiskPath};

impl<D: Disk> Store<D> {
    /// Begins to write one version of a blob, beside any other attempt to do so.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be made.
    pub fn write_blob(&self, blob: BlobId, version: Version) -> Result<BlobWriter<D>, StorageError> {
        let temporary = self.temporary(&blob, version);
        match self.layout {
            Layout::Folders => BlobWriter::file(self.disk.clone(), blob, version, temporary),
            Layout::Packed => Ok(BlobWriter::memory(self.disk.clone(), blob, version, temporary)),
        }
    }

    /// Whether beginning a blob takes no disk call.
    #[must_use]
    pub fn begins_in_memory(&self) -> bool {
        self.layout == Layout::Packed
    }

    /// Gives what was written another version. The name of its temporary file says which one a commit must name.
    ///
    /// # Errors
    /// After an error the blob is of no further use.
    pub fn renumber(&self, writer: &mut BlobWriter<D>, version: Version) -> Result<(), StorageError> {
        let temporary = self.temporary(&writer.blob, version);
        if writer.is_file() {
            let renamed = self.disk.rename(&writer.temporary, &temporary);
            renamed.map_err(|error| {
                // The file may have its new name all the same.
                drop(self.disk.remove(&temporary));
                failed("rename", &writer.temporary)(error)
            })?;
        }
        (writer.version, writer.temporary) = (version, temporary);
        Ok(())
    }

    fn temporary(&self, blob: &BlobId, version: Version) -> DiskPath {
        layout::temporary(blob, version, self.attempts.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the temporary file durable, if there is one. If a commit is to name it (`is_named`), its name is made
    /// durable too, because after a crash that commit may be all that is left besides.
    ///
    /// # Errors
    /// After an error no commit may name the file.
    pub fn stage(&self, writer: &BlobWriter<D>, is_named: bool) -> Result<(), StorageError> {
        writer.sync()?;
        if is_named && writer.is_file() {
            let folder = layout::temporary_dir();
            self.disk.sync_dir(&folder).map_err(failed("sync", &folder))?;
        }
        Ok(())
    }

    /// Returns the change that the catalog has to commit to as well if the layout packs blobs: that it holds the bytes,
    /// or that it holds none.
    #[must_use]
    pub fn packed(&self, writer: &mut BlobWriter<D>) -> Option<Change> {
        match self.layout {
            Layout::Folders => None,
            Layout::Packed => Some(Change::Object(writer.blob, writer.share_bytes())),
        }
    }

    /// Gives a staged file its final name, in place of an older version, and makes the name durable.
    ///
    /// # Errors
    /// After an error the blob has its old or its new name; [`settle`](Self::settle) finishes what a commit has
    /// announced.
    pub fn publish(&self, writer: &BlobWriter<D>) -> Result<(), StorageError> {
        self.rename_into_place(&writer.temporary, &writer.blob)
    }

    /// Removes the file of a larger version after bytes in the catalog have replaced it. Those bytes count even if the
    /// removal fails, and a later removal of the blob removes the file too.
    pub(super) fn remove_larger(&self, blob: &BlobId) {
        drop(self.take_file_away(blob, |path| self.disk.remove(path)));
    }

    pub(super) fn rename_into_place(&self, temporary: &DiskPath, blob: &BlobId) -> Result<(), StorageError> {
        self.rename_to(temporary, &self.path(blob))
    }

    /// Gives a file another name, makes the folders that the name needs, and makes all of that durable. What lies in
    /// the way and is no file or folder of a node is set aside.
    pub(super) fn rename_to(&self, temporary: &DiskPath, path: &DiskPath) -> Result<(), StorageError> {
        match self.try_rename(temporary, path) {
            Err(error) => match self.clear(path) {
                Ok(true) => self.try_rename(temporary, path),
                Err(full @ StorageError::QuarantineFull) => Err(full),
                Ok(false) | Err(_) => Err(error),
            },
            Ok(()) => Ok(()),
        }
    }

    fn try_rename(&self, temporary: &DiskPath, path: &DiskPath) -> Result<(), StorageError> {
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
                    Err(error) => {
                        // It may have been made all the same.
                        tree.volatile.insert(folder.clone());
                        return Err(failed("create", &folder)(error));
                    }
                }
                if tree.volatile.contains(&folder) {
                    sync.push(folder.parent().expect("the root is no ancestor"));
                    made_durable.push(folder);
                }
            }
            self.disk.rename(temporary, path).map_err(failed("rename", temporary))?;
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

    /// Drops a blob that is not to be published. The next start drops it if this fails.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be removed.
    pub fn discard(&self, writer: &BlobWriter<D>) -> Result<(), StorageError> {
        if !writer.is_file() {
            return Ok(());
        }
        self.disk.remove(&writer.temporary).map_err(failed("remove", &writer.temporary))
    }

    /// Returns a blob that was published, or committed as a part of the catalog, open for reading from its start.
    #[must_use]
    pub fn read_written(&self, writer: BlobWriter<D>) -> BlobReader<D::File> {
        let path = if writer.is_file() { self.path(&writer.blob) } else { layout::catalog() };
        writer.into_reader(path)
    }

    /// Returns a blob that gets no name, open for reading from its start. If it is a file, that stays until it is
    /// [removed](Self::remove_temporary), or until the next start.
    #[must_use]
    pub fn read_temporary(&self, writer: BlobWriter<D>) -> BlobReader<D::File> {
        let path = writer.temporary.clone();
        writer.into_reader(path)
    }

    /// Writes a file, syncs and removes it, as stores do, to see whether the disk lets them.
    ///
    /// # Errors
    /// After an error the next start removes what is left.
    pub fn try_disk(&self) -> Result<(), StorageError> {
        let path = self.temporary(&BlobId::Own(FileName([0; 20])), PASSING);
        let tried = self.disk.create(&path).and_then(|file| file.write_at(0, &[0]).and_then(|()| file.sync()));
        let removed = self.remove_temporary(&path);
        tried.map_err(failed("write", &path)).and(removed)
    }

    /// Removes the file of a blob that has no name.
    ///
    /// # Errors
    /// After an error the next start removes it.
    pub fn remove_temporary(&self, path: &DiskPath) -> Result<(), StorageError> {
        match self.disk.remove(path) {
            // Whoever took the content has taken the file with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", path)),
        }
    }

    /// Opens a blob for reading; `None` if it is not on this disk.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn read_blob(&self, blob: &BlobId) -> Result<Option<BlobReader<D::File>>, StorageError> {
        if self.layout == Layout::Packed
            && let Some(bytes) = self.catalog.object(blob)?
        {
            return Ok(Some(BlobReader::memory(layout::catalog(), bytes.into())));
        }
        self.read_path(self.path(blob))
    }

    /// Opens a blob for reading as [`read_blob`](Self::read_blob) does, and reads what lies on the disk now: a small
    /// blob may be in memory as well, and be good there alone.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn read_from_disk(&self, blob: &BlobId) -> Result<Option<BlobReader<D::File>>, StorageError> {
        if self.layout == Layout::Packed
            && let Some(bytes) = self.catalog.object_in_file(blob)?
        {
            return Ok(Some(BlobReader::memory(layout::catalog(), bytes.into())));
        }
        self.read_path(self.path(blob))
    }

    pub(super) fn read_path(&self, path: DiskPath) -> Result<Option<BlobReader<D::File>>, StorageError> {
        match self.disk.open(&path) {
            Ok(file) => BlobReader::file(path, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) if self.is_obstructed(&path)? => Ok(None),
            Err(error) => Err(failed("open", &path)(error)),
        }
    }

    /// Whether the blob is on this disk.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn has_blob(&self, blob: &BlobId) -> Result<bool, StorageError> {
        Ok(self.has_object(blob)? || self.read_path(self.path(blob))?.is_some())
    }

    pub(super) fn has_object(&self, blob: &BlobId) -> Result<bool, StorageError> {
        Ok(self.layout == Layout::Packed && self.catalog.has_object(blob)?)
    }

    /// Removes a blob and the folders that it leaves empty; returns false if there was none. Durable on return.
    ///
    /// # Errors
    /// After an error the blob may be there or not.
    pub fn remove_blob(&self, blob: &BlobId) -> Result<bool, StorageError> {
        // The file goes first: it may be an older version, which must not come back in place of the object.
        let was_file = self.take_file_away(blob, |path| self.disk.remove(path))?;
        let was_object = self.has_object(blob)?;
        if was_object {
            self.commit(&[Change::Object(*blob, None)])?;
        }
        Ok(was_file || was_object)
    }

    /// Removes the local copy of an own file, so that none is to be here any more; returns false if there was none.
    /// Durable on return.
    ///
    /// # Errors
    /// After an error the copy may be there or not. If it is not, no scrub takes it for lost.
    pub fn remove_copy(&self, file: FileName) -> Result<bool, StorageError> {
        let blob = BlobId::Own(file);
        if !self.has_object(&blob)? {
            self.forget_copy(file)?;
            return self.remove_blob(&blob);
        }
        self.take_file_away(&blob, |path| self.disk.remove(path))?;
        self.commit(&[Change::Object(blob, None), Change::Copy(file, None)])?;
        Ok(true)
    }

    /// Notes that no local copy of an own file is to be here. Durable on return.
    ///
    /// # Errors
    /// Fails if the catalog fails.
    pub fn forget_copy(&self, file: FileName) -> Result<(), StorageError> {
        match self.copy(file)? {
            Some(_) => self.commit(&[Change::Copy(file, None)]).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Takes the file of a blob from its place, and prunes the folders that it leaves empty; returns false if there is
    /// no file.
    pub(super) fn take_file_away(
        &self,
        blob: &BlobId,
        take: impl FnOnce(&DiskPath) -> io::Result<()>,
    ) -> Result<bool, StorageError> {
        self.take_away(&self.path(blob), take)
    }

    pub(super) fn take_away(
        &self,
        path: &DiskPath,
        take: impl FnOnce(&DiskPath) -> io::Result<()>,
    ) -> Result<bool, StorageError> {
        let folder = path.parent().expect("a blob lies below the root");
        match take(path) {
            Ok(()) => {}
            // It may be gone because an earlier call took effect and failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.end_doubt(&folder).map(|()| false),
            Err(error) => {
                lock(&self.tree).doubt(&folder);
                return if self.is_obstructed(path)? { Ok(false) } else { Err(failed("remove", path)(error)) };
            }
        }
        self.prune(folder.clone()).inspect_err(|_| lock(&self.tree).doubt(&folder))?;
        Ok(true)
    }
}

//! The quarantine: where a damaged blob goes, and whatever lies in the place of a blob or of one of its folders.
//! Nothing that may be the only copy of something is removed to make room there.

use std::io;

use super::error::{StorageError, failed};
use super::layout::{self, BlobId};
use super::lock::lock;
use super::obstacles::{free_place, in_the_way, move_away};
use super::{News, Store};
use crate::disk::{Disk, DiskFile, DiskPath};
use crate::limits::NEWS_MAX;

impl<D: Disk> Store<D> {
    /// Removes a blob and every copy of it that was set aside, so that nothing of it stays on this disk. Durable on
    /// return.
    ///
    /// # Errors
    /// After an error some of it may still be there.
    pub fn forget_blob(&self, blob: &BlobId) -> Result<(), StorageError> {
        self.remove_blob(blob)?;
        let folder = layout::quarantine_dir();
        let entries = match self.disk.list(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(failed("list", &folder))?,
        };
        let aside: Vec<_> = entries.iter().filter(|entry| layout::is_quarantined(blob, &entry.name)).collect();
        for entry in &aside {
            let path = folder.child(&entry.name);
            let removed = self.disk.remove(&path).map_err(failed("remove", &path));
            removed.inspect_err(|_| lock(&self.tree).doubt(&folder))?;
        }
        if aside.is_empty() { self.end_doubt(&folder) } else { self.sync_quarantine() }
    }

    /// Moves a damaged blob out of the way, for people to look at. If the quarantine is full, a replica is removed,
    /// because its owner has the file or another replica; an own file may be the only copy of something, and stays.
    /// Returns false if there was none. Durable on return.
    ///
    /// # Errors
    /// After an error the blob may be in its place or not. It is in its place if the quarantine is full.
    pub fn set_aside(&self, blob: &BlobId) -> Result<bool, StorageError> {
        if self.clear_way(blob)? {
            return Ok(true);
        }
        if !self.has_blob(blob)? {
            return Ok(false);
        }
        let place = match (free_place(&self.disk, &layout::quarantined_prefix(blob)), blob) {
            (Err(StorageError::QuarantineFull), BlobId::Held(..)) => None,
            (place, _) => Some(place?),
        };
        if self.has_object(blob)? {
            if let (Some(place), Some(bytes)) = (&place, self.catalog.object(blob)?) {
                let file = self.disk.create(place).map_err(failed("create", place))?;
                file.write_at(0, &bytes).map_err(failed("write", place))?;
                file.sync().map_err(failed("sync", place))?;
                self.sync_quarantine()?;
            }
            return self.remove_blob(blob);
        }
        let is_taken = self.take_file_away(blob, |path| match &place {
            Some(place) => self.disk.rename(path, place),
            None => self.disk.remove(path),
        })?;
        if place.is_some() {
            self.sync_quarantine()?;
        }
        Ok(is_taken)
    }

    /// Whether an error says that the disk does not give a blob, while it gives the catalog: then it is not the whole
    /// disk that fails.
    pub fn is_unreadable(&self, blob: &BlobId, error: &StorageError) -> bool {
        let is_of_blob = matches!(error, StorageError::Disk { path, .. } if *path == self.path(blob));
        let catalog = || self.read_path(layout::catalog()).ok().flatten();
        is_of_blob && catalog().is_some_and(|mut catalog| catalog.read(&mut [0; 512]).is_ok())
    }

    /// Whether a blob can be set aside without the loss of its bytes: they may be given again one day.
    pub fn has_place_aside(&self, blob: &BlobId) -> bool {
        free_place(&self.disk, &layout::quarantined_prefix(blob)).is_ok()
    }

    fn sync_quarantine(&self) -> Result<(), StorageError> {
        let folder = layout::quarantine_dir();
        let synced = self.disk.sync_dir(&folder).map_err(failed("sync", &folder));
        synced.inspect_err(|_| lock(&self.tree).doubt(&folder))
    }

    /// Moves whatever lies in the place of a blob or of one of its folders, and is no file or no folder, out of the
    /// way. Returns false if nothing does. Durable on return.
    ///
    /// # Errors
    /// After an error it may be in the way or not. It is if the quarantine is full.
    pub fn clear_way(&self, blob: &BlobId) -> Result<bool, StorageError> {
        self.clear(&self.path(blob))
    }

    /// Clears the way to a path.
    pub(super) fn clear(&self, path: &DiskPath) -> Result<bool, StorageError> {
        match self.disk.open(path) {
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(_) => {}
        }
        let Some(found) = in_the_way(&self.disk, path)? else { return Ok(false) };
        let mut tree = lock(&self.tree);
        let place = move_away(&self.disk, &found)?;
        tree.forget_below(&found);
        drop(tree);
        self.tell(News::Obstacle { path: found, place });
        Ok(true)
    }

    /// Whether a path cannot be reached because something is in the way.
    pub(super) fn is_obstructed(&self, path: &DiskPath) -> Result<bool, StorageError> {
        Ok(in_the_way(&self.disk, path)?.is_some())
    }

    /// Remembers what the caller of a later call has to be told.
    pub(super) fn tell(&self, news: News) {
        let mut all = lock(&self.news);
        if all.len() < NEWS_MAX {
            all.push(news);
        }
    }
}

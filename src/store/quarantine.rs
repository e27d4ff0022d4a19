//! The quarantine: where a damaged blob goes, and whatever lies in the place of a blob or of one of its folders.
//! Nothing that may be the only copy of something is removed to make room there.

use std::io;

use super::error::{StorageError, failed};
use super::layout::{self, BlobId};
use super::lock::lock;
use super::{News, Store};
use crate::disk::{DirEntry, Disk, DiskFile, DiskPath, EntryKind};
use crate::limits::{NEWS_MAX, QUARANTINE_FILES_MAX};

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
            self.disk.remove(&path).map_err(failed("remove", &path))?;
        }
        if aside.is_empty() { Ok(()) } else { self.disk.sync_dir(&folder).map_err(failed("sync", &folder)) }
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

    fn sync_quarantine(&self) -> Result<(), StorageError> {
        let folder = layout::quarantine_dir();
        self.disk.sync_dir(&folder).map_err(failed("sync", &folder))
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

/// Makes a folder of the data directory, and moves away what lies in its place and is none. Returns what that was, with
/// its new place.
pub(super) fn make_folder(
    disk: &impl Disk,
    folder: &DiskPath,
) -> Result<Option<(DiskPath, Option<DiskPath>)>, StorageError> {
    match disk.make_dir(folder) {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if kind_of(disk, folder)? == Some(EntryKind::Dir) {
                return Ok(None);
            }
            let place = move_away(disk, folder)?;
            disk.make_dir(folder).map_err(failed("create", folder))?;
            Ok(Some((folder.clone(), place)))
        }
        Err(error) => Err(failed("create", folder)(error)),
    }
}

/// Makes the folder of the quarantine, and returns what is in it. What lies in the place of the folder gets another
/// name beside it.
pub(super) fn entries(disk: &impl Disk) -> Result<Vec<DirEntry>, StorageError> {
    let (root, folder) = (DiskPath::root(), layout::quarantine_dir());
    let made = match disk.make_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match kind_of(disk, &folder)? {
            Some(EntryKind::Dir) => false,
            _ => {
                let places = (0..QUARANTINE_FILES_MAX).map(|number| root.child(&format!("quarantine.{number}")));
                let taken = disk.list(&root).map_err(failed("list", &root))?;
                let place = first_free(places, &taken).ok_or(StorageError::QuarantineFull)?;
                disk.move_away(&folder, &place).map_err(failed("rename", &folder))?;
                disk.make_dir(&folder).map_err(failed("create", &folder))?;
                true
            }
        },
        made => made.map(|()| true).map_err(failed("create", &folder))?,
    };
    if made {
        disk.sync_dir(&root).map_err(failed("sync", &root))?;
    }
    disk.list(&folder).map_err(failed("list", &folder))
}

/// Returns the first of some places that has no entry in their folder.
pub(super) fn first_free(mut places: impl Iterator<Item = DiskPath>, taken: &[DirEntry]) -> Option<DiskPath> {
    places.find(|place| !taken.iter().any(|entry| place.segments().last() == Some(&entry.name)))
}

/// Returns a free place in the quarantine whose name begins so.
fn free_place(disk: &impl Disk, prefix: &str) -> Result<DiskPath, StorageError> {
    let taken = entries(disk)?;
    if taken.len() >= QUARANTINE_FILES_MAX {
        return Err(StorageError::QuarantineFull);
    }
    let folder = layout::quarantine_dir();
    let places = (0..=QUARANTINE_FILES_MAX).map(|number| folder.child(&format!("{prefix}{number:x}")));
    Ok(first_free(places, &taken).expect("there are more places than files"))
}

/// Moves anything to the quarantine, and returns where it is; an empty folder is removed. Durable on return.
fn move_away(disk: &impl Disk, path: &DiskPath) -> Result<Option<DiskPath>, StorageError> {
    let parent = path.parent().expect("what is in the way lies below the root");
    let is_removed = disk.remove_dir(path).is_ok();
    let mut place = None;
    if !is_removed {
        let name = path.segments().last().expect("it has a name");
        let free = free_place(disk, &format!("other.{name}."))?;
        disk.move_away(path, &free).map_err(failed("rename", path))?;
        let folder = layout::quarantine_dir();
        disk.sync_dir(&folder).map_err(failed("sync", &folder))?;
        place = Some(free);
    }
    disk.sync_dir(&parent).map_err(failed("sync", &parent))?;
    Ok(place)
}

/// Returns the first name on the way to a file that is no folder, or the file's own name if that is no file.
fn in_the_way(disk: &impl Disk, path: &DiskPath) -> Result<Option<DiskPath>, StorageError> {
    let mut place = DiskPath::root();
    let mut segments = path.segments().peekable();
    while let Some(segment) = segments.next() {
        place = place.child(segment);
        let wanted = if segments.peek().is_some() { EntryKind::Dir } else { EntryKind::File };
        match kind_of(disk, &place)? {
            None => return Ok(None),
            Some(kind) if kind != wanted => return Ok(Some(place)),
            Some(_) => {}
        }
    }
    Ok(None)
}

fn kind_of(disk: &impl Disk, path: &DiskPath) -> Result<Option<EntryKind>, StorageError> {
    let parent = path.parent().expect("the root is no entry");
    let entries = match disk.list(&parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        listed => listed.map_err(failed("list", &parent))?,
    };
    let name = path.segments().last();
    Ok(entries.iter().find(|entry| Some(entry.name.as_str()) == name).map(|entry| entry.kind))
}

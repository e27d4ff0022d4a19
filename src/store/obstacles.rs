//! What is in the way: finds what lies in the place of a file or a folder of the node, and free places in the
//! quarantine to move it to.

use std::io;

use super::error::{StorageError, failed};
use super::layout;
use crate::disk::{DirEntry, Disk, DiskPath, EntryKind};
use crate::limits::QUARANTINE_FILES_MAX;

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
    let entries = disk.list(&folder).map_err(failed("list", &folder))?;
    // A call that failed may have made the folder, and nobody has synced its name.
    if made || entries.is_empty() {
        disk.sync_dir(&root).map_err(failed("sync", &root))?;
    }
    Ok(entries)
}

/// Returns the first of some places that has no entry in their folder.
pub(super) fn first_free(mut places: impl Iterator<Item = DiskPath>, taken: &[DirEntry]) -> Option<DiskPath> {
    places.find(|place| !taken.iter().any(|entry| place.segments().last() == Some(&entry.name)))
}

/// Returns a free place in the quarantine whose name begins so.
pub(super) fn free_place(disk: &impl Disk, prefix: &str) -> Result<DiskPath, StorageError> {
    let taken = entries(disk)?;
    if taken.len() >= QUARANTINE_FILES_MAX {
        return Err(StorageError::QuarantineFull);
    }
    let folder = layout::quarantine_dir();
    let places = (0..=QUARANTINE_FILES_MAX).map(|number| folder.child(&format!("{prefix}{number:x}")));
    Ok(first_free(places, &taken).expect("there are more places than files"))
}

/// Moves anything to the quarantine, and returns where it is; an empty folder is removed. Durable on return.
pub(super) fn move_away(disk: &impl Disk, path: &DiskPath) -> Result<Option<DiskPath>, StorageError> {
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
pub(super) fn in_the_way(disk: &impl Disk, path: &DiskPath) -> Result<Option<DiskPath>, StorageError> {
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

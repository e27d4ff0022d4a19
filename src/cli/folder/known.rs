//! Which directories of a watched folder have had files. An empty or missing directory may be the place where a disk is
//! not mounted: what was on it is not gone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

#[cfg(target_os = "linux")]
use rustix::fs::{AtFlags, CWD, StatxFlags, statfs, statx};

/// A directory, whatever its name. The numbers of what is gone are given anew: the device of a disk, and the inode of a
/// directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// When it was made, if its file system knows and keeps to it.
    made: Option<SystemTime>,
    /// By which mount it was reached, if nothing says when it was made.
    mount: Option<u64>,
}

/// The directories that have had files, and which they were then. The folder itself has no name.
#[derive(Default)]
pub(super) struct Known(RefCell<BTreeMap<String, Identity>>);

/// Returns which directory this is.
pub(super) fn identify(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    // The root of a FAT disk was made in 1970, whichever disk it is. A directory of an overlay, such as that of a
    // container, gets another time with the first change in it.
    let made = metadata.created().ok().filter(|made| *made > SystemTime::UNIX_EPOCH && !is_in_overlay(path));
    let mount = if made.is_none() { mount(path) } else { None };
    Ok(Identity { device: metadata.dev(), inode: metadata.ino(), made, mount })
}

/// Returns the number of the mount by which a directory is reached, if the system gives none twice.
#[cfg(target_os = "linux")]
fn mount(path: &Path) -> Option<u64> {
    // `STATX_MNT_ID_UNIQUE`, since Linux 6.8: see statx(2).
    let unique = StatxFlags::from_bits_retain(0x4000);
    let found = statx(CWD, path, AtFlags::empty(), unique).ok()?;
    (found.stx_mask & unique.bits() != 0).then_some(found.stx_mnt_id)
}

/// Tells whether a directory is in an overlay, which copies it to another file system when it changes.
#[cfg(target_os = "linux")]
fn is_in_overlay(path: &Path) -> bool {
    // `OVERLAYFS_SUPER_MAGIC`: see statfs(2).
    statfs(path).is_ok_and(|found| found.f_type == 0x794c_7630)
}

#[cfg(not(target_os = "linux"))]
fn mount(_: &Path) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn is_in_overlay(_: &Path) -> bool {
    false
}

impl Known {
    /// Notes that directories have files now.
    pub(super) fn note<'a>(&self, root: &Path, places: impl Iterator<Item = &'a str>) {
        for place in places {
            if !self.is_unmounted(root, place)
                && let Ok(identity) = identify(&root.join(place))
            {
                self.0.borrow_mut().insert(place.to_owned(), identity);
            }
        }
    }

    /// Tells whether a disk was mounted at a place, and is not any more. Another one may be.
    pub(super) fn is_unmounted(&self, root: &Path, place: &str) -> bool {
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        let known = self.0.borrow();
        let (Some(disk), Some(above)) = (known.get(place), known.get(parent)) else { return false };
        disk.device != above.device && identify(&root.join(place)).ok() != Some(*disk)
    }

    /// Tells whether a directory had files, and is still that one.
    pub(super) fn is_same(&self, root: &Path, place: &str) -> bool {
        let now = identify(&root.join(place)).ok();
        now.is_some() && self.0.borrow().get(place).copied() == now
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_disk_that_is_not_mounted_any_more_is_noticed_and_a_directory_that_is_removed_is_none() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        let [disk, sub] = ["disk", "sub"].map(|name| root.join(name));
        // As if mounted: /proc is on a device of its own.
        symlink("/proc", &disk).expect("made");
        fs::create_dir(&sub).expect("made");
        let known = Known::default();
        known.note(root, ["", "disk", "sub"].into_iter());
        let seen = || ["", "disk", "sub"].map(|place| (known.is_unmounted(root, place), known.is_same(root, place)));
        assert_eq!(seen(), [(false, true); 3]);
        fs::remove_file(&disk).expect("removed");
        fs::remove_dir(&sub).expect("removed");
        assert_eq!(seen(), [(false, true), (true, false), (false, false)]);
        // An empty directory is there instead, and has files of its own later.
        fs::create_dir(&disk).expect("made");
        known.note(root, ["disk"].into_iter());
        assert_eq!(seen()[1], (true, false));
        fs::remove_dir(&disk).expect("removed");
        // As if another disk were mounted, which got the device number of the first.
        symlink("/proc/self", &disk).expect("made");
        known.note(root, ["disk"].into_iter());
        assert_eq!(seen()[1], (true, false));
        fs::remove_file(&disk).expect("removed");
        symlink("/proc", &disk).expect("made");
        assert_eq!(seen()[1], (false, true));
    }
}

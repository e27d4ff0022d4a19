//! Which directories of a watched folder have had files. An empty or missing directory may be the place where a disk is
//! not mounted: what was on it is not gone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A directory, whatever its name: the device and its number there.
pub(super) type Identity = (u64, u64);

/// The directories that have had files, and which they were then. The folder itself has no name.
#[derive(Default)]
pub(super) struct Known(RefCell<BTreeMap<String, Identity>>);

/// Returns which directory this is.
pub(super) fn identify(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
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

    /// Tells whether a disk was mounted at a place, and is not any more.
    pub(super) fn is_unmounted(&self, root: &Path, place: &str) -> bool {
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        let known = self.0.borrow();
        let (Some((disk, _)), Some((above, _))) = (known.get(place), known.get(parent)) else { return false };
        disk != above && !identify(&root.join(place)).is_ok_and(|(now, _)| now == *disk)
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
        // As if mounted: what is below /proc is on a device of its own.
        symlink("/proc/self", &disk).expect("made");
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
        symlink("/proc/self", &disk).expect("made");
        assert_eq!(seen()[1], (false, true));
    }
}

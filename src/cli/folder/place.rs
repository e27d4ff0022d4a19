//! A folder that files are written to, or read from. Nothing goes through a symbolic link below it, and no file is
//! written in place of that of another key.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

use dacapo::crypto::Attributes;
use dacapo::folder::FilePath;
use dacapo::platform::machine::time_of_day;
use dacapo::time::UnixMillis;
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, mkdirat, open, openat, readlinkat, statat, symlinkat,
    utimensat,
};
use rustix::io::Errno;

use super::data_directory::is_data_directory;
use super::leftovers;
use super::unnamed::Unnamed;
use crate::cli::output::TEMPORARY_PREFIX;
use crate::cli::source::FileState;

const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that files are written to, or read from.
pub(super) struct Place {
    root: Rc<OwnedFd>,
    /// The directory that was asked for last, below the root: files come in the order of their keys.
    last: RefCell<(String, Rc<OwnedFd>)>,
    number: Cell<u32>,
    opened: UnixMillis,
    /// The directories in which nothing is left of earlier processes.
    tidy: RefCell<BTreeSet<String>>,
    /// The files in the places of keys: device and number of each.
    claimed: RefCell<BTreeSet<(u64, u64)>>,
}

/// What has a name.
pub(super) enum There {
    Nothing,
    File(Found),
    /// The file of another key: some file systems take two names for one, such as `a` and `A`.
    Taken,
    Other,
}

/// A file or a symbolic link.
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) attributes: Attributes,
    pub(super) state: FileState,
    /// A file may have several names on purpose.
    has_one_name: bool,
}

impl Place {
    /// Opens the folder, and makes it if it is not there.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        // Below a data directory are files of the node too.
        let there = std::path::absolute(root)?;
        let there = there.ancestors().find_map(|above| std::fs::canonicalize(above).ok());
        for above in there.iter().flat_map(|there| there.ancestors()) {
            refuse_data_directory(CWD, above)?;
        }
        std::fs::create_dir_all(root)?;
        Self::open_to_read(root)
    }

    /// Opens a folder that files are read from.
    pub(super) fn open_to_read(root: &Path) -> io::Result<Self> {
        let root = Rc::new(open(root, DIR_FLAGS, Mode::empty())?);
        let last = RefCell::new((String::new(), root.clone()));
        let (tidy, claimed) = (RefCell::default(), RefCell::default());
        Ok(Self { root, last, number: Cell::new(0), opened: time_of_day(), tidy, claimed })
    }

    /// Tells what lies in the place of a file.
    pub(super) fn look(&self, path: &FilePath) -> io::Result<There> {
        let (names, name) = path.split();
        let found = match self.dir(&names, false).and_then(|dir| Ok(statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?)) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
            Err(error) => return Err(error),
        };
        let kind = found.st_mode & Attributes::KIND_BITS;
        let regular = 0o100_000;
        let mode = match kind {
            Attributes::SYMLINK => found.st_mode & (Attributes::KIND_BITS | 0o777),
            kind if kind == regular => found.st_mode & 0o7777,
            _ => return Ok(There::Other),
        };
        let attributes = Attributes {
            mode,
            changed_s: found.st_mtime,
            changed_ns: u32::try_from(found.st_mtime_nsec).unwrap_or_default(),
        };
        let size = u64::try_from(found.st_size).unwrap_or_default();
        let has_one_name = found.st_nlink == 1;
        Ok(There::File(Found { size, attributes, state: FileState::from(&found), has_one_name }))
    }

    /// Does the same for the key that the place is to be that of. Is called once for each key.
    pub(super) fn claim(&self, path: &FilePath) -> io::Result<There> {
        let there = self.look(path)?;
        let is_taken = |found: &Found| found.has_one_name && !self.claimed.borrow_mut().insert(found.state.file);
        Ok(if matches!(&there, There::File(found) if is_taken(found)) { There::Taken } else { there })
    }

    /// Opens a file to read it.
    pub(super) fn file(&self, path: &FilePath) -> io::Result<File> {
        let (names, name) = path.split();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.dir(&names, false)?, name, flags, Mode::empty())?))
    }

    /// Reads what a symbolic link leads to.
    pub(super) fn link(&self, path: &FilePath) -> io::Result<Vec<u8>> {
        let (names, name) = path.split();
        Ok(readlinkat(&self.dir(&names, false)?, name, Vec::new())?.into_bytes())
    }

    /// Gives what lies in a place the time that it was stored with, unless it has changed since it was found: a change
    /// is not to look as if it were stored.
    pub(super) fn set_time(&self, path: &FilePath, attributes: &Attributes, found: FileState) -> io::Result<()> {
        let (names, name) = path.split();
        let dir = self.dir(&names, false)?;
        if FileState::from(&statat(&*dir, name, AtFlags::SYMLINK_NOFOLLOW)?) != found {
            return Ok(());
        }
        Ok(utimensat(&*dir, name, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Begins a new file in a place, whose directories are made if they are missing.
    pub(super) fn create(&self, path: &FilePath) -> io::Result<(File, Unnamed)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut opened = None;
        let mut unnamed = self.unnamed(path, |dir, temporary| {
            opened = Some(openat(dir, temporary, flags, Mode::RUSR | Mode::WUSR)?);
            Ok(())
        })?;
        let file = File::from(opened.expect("it was opened"));
        unnamed.lies_on(file.metadata()?.dev());
        Ok((file, unnamed))
    }

    /// Makes a symbolic link in a place.
    pub(super) fn create_link(&self, path: &FilePath, target: &[u8], attributes: &Attributes) -> io::Result<Unnamed> {
        let mut unnamed = self.unnamed(path, |dir, temporary| symlinkat(target, dir, temporary))?;
        let (dir, temporary) = unnamed.place();
        utimensat(dir, temporary, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?;
        let device = statat(dir, temporary, AtFlags::SYMLINK_NOFOLLOW)?.st_dev;
        unnamed.lies_on(device);
        Ok(unnamed)
    }

    fn unnamed(
        &self,
        path: &FilePath,
        mut make: impl FnMut(&OwnedFd, &str) -> Result<(), Errno>,
    ) -> io::Result<Unnamed> {
        let (names, name) = path.split();
        let dir = self.dir(&names, true)?;
        if self.tidy.borrow_mut().insert(names.join("/")) {
            leftovers::remove(&dir, self.opened);
        }
        loop {
            let temporary =
                format!("{TEMPORARY_PREFIX}{}-{}", std::process::id(), self.number.replace(self.number.get() + 1));
            match make(&dir, &temporary) {
                // What an earlier process left.
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    return Ok(Unnamed::new(dir, temporary, name.to_owned()));
                }
            }
        }
    }

    /// Opens the directory in which a file lies.
    fn dir(&self, names: &[&str], make: bool) -> io::Result<Rc<OwnedFd>> {
        let path = names.join("/");
        if self.last.borrow().0 == path {
            return Ok(self.last.borrow().1.clone());
        }
        let mut dir = self.root.clone();
        for name in names {
            let flags = DIR_FLAGS | OFlags::NOFOLLOW;
            let opened = match openat(&*dir, *name, flags, Mode::empty()) {
                Err(Errno::NOENT) if make => {
                    match mkdirat(&*dir, *name, Mode::RWXU | Mode::RWXG | Mode::RWXO) {
                        Err(error) if error != Errno::EXIST => return Err(error.into()),
                        _ => {}
                    }
                    openat(&*dir, *name, flags, Mode::empty())
                }
                opened => opened,
            };
            let opened = opened?;
            refuse_data_directory(&opened, Path::new(""))?;
            dir = Rc::new(opened);
        }
        self.last.replace((path, dir.clone()));
        Ok(dir)
    }
}

/// Fails if a directory is that of a node, whose files are not to be replaced.
fn refuse_data_directory(dir: impl AsFd, path: &Path) -> io::Result<()> {
    match is_data_directory(dir, path) {
        true => Err(io::Error::other("it is in the data directory of a node")),
        false => Ok(()),
    }
}

/// Returns the times that a symbolic link gets: that of its content, and none for the last reading.
fn times(attributes: &Attributes) -> Timestamps {
    let modified = Timespec { tv_sec: attributes.changed_s, tv_nsec: attributes.changed_ns.into() };
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: modified }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::limits::LEFTOVER_AGE_MIN;

    fn path(text: &str) -> FilePath {
        FilePath::new(text).expect("a path")
    }

    fn found(place: &Place, path: &FilePath) -> Found {
        match place.claim(path).expect("readable") {
            There::File(found) => found,
            _ => panic!("no file, or that of another key"),
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_compared_does_not_get_the_time_of_the_stored_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, stored) = (folder.path(), Attributes { mode: 0o644, changed_s: 7, changed_ns: 8 });
        for (name, is_replaced) in [("replaced", true), ("edited", false)] {
            fs::write(root.join(name), b"one").expect("written");
            let (place, path) = (Place::open(root).expect("opened"), path(name));
            let before = found(&place, &path).state;
            let now = || FileState::from(&statat(CWD, root.join(name), AtFlags::empty()).expect("it is there"));
            // Two changes within one tick of the clock have one time.
            while now() == before {
                let target = root.join(if is_replaced { "other" } else { name });
                fs::write(&target, b"two").expect("written");
                fs::rename(&target, root.join(name)).expect("renamed");
            }
            place.set_time(&path, &stored, before).expect("readable");
            let changed_s = || fs::metadata(root.join(name)).expect("it is there").mtime();
            assert_ne!(changed_s(), 7, "{name}");
            place.set_time(&path, &stored, now()).expect("set");
            assert_eq!(changed_s(), 7, "{name}");
        }
    }

    #[test]
    fn the_file_of_one_key_is_not_that_of_another_unless_it_has_two_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::open(folder.path()).expect("opened");
        fs::write(folder.path().join("a"), b"one").expect("written");
        found(&place, &path("a"));
        assert!(matches!(place.claim(&path("a")), Ok(There::Taken)), "as for `A`, where case does not count");
        fs::hard_link(folder.path().join("a"), folder.path().join("b")).expect("linked");
        for name in ["a", "b"] {
            found(&place, &path(name));
        }
    }

    #[test]
    fn what_a_killed_process_has_left_goes_with_the_first_file_that_is_written_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut place = Place::open(folder.path()).expect("opened");
        place.opened.0 += 1000 + u64::try_from(LEFTOVER_AGE_MIN.as_millis()).expect("short");
        let left = [".dacapo-get-2147483647-0", "sub/.dacapo-get-2147483647-1"].map(|name| folder.path().join(name));
        fs::create_dir(folder.path().join("sub")).expect("made");
        left.iter().for_each(|path| fs::write(path, b"").expect("written"));
        drop(place.create(&path("sub/a")).expect("begun"));
        assert_eq!(left.map(|path| path.exists()), [true, false]);
    }
}

//! The folder that files are written to. Nothing is written through a symbolic link below it. Files get their names
//! many at a time, after one sync of their file system, so that each appears whole or not at all, also after a power
//! loss.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::rc::Rc;

use dacapo::crypto::Attributes;
use dacapo::folder::FilePath;
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, mkdirat, open, openat, readlinkat, renameat, statat,
    symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::data_directory::is_data_directory;
use crate::cli::output::{TEMPORARY_PREFIX, mode_of_new, time_of};

const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that files are written to.
pub(super) struct Place {
    root: Rc<OwnedFd>,
    /// The directory that was asked for last, below the root: files come in the order of their keys.
    last: RefCell<(String, Rc<OwnedFd>)>,
    number: Cell<u32>,
}

/// A file under a temporary name, which vanishes unless it gets its own.
pub(super) struct Unnamed {
    dir: Rc<OwnedFd>,
    temporary: String,
    name: String,
    device: u64,
    has_name: bool,
}

/// What has a name.
pub(super) enum There {
    Nothing,
    File(u64, Attributes),
    Other,
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
        let root = Rc::new(open(root, DIR_FLAGS, Mode::empty())?);
        let last = RefCell::new((String::new(), root.clone()));
        Ok(Self { root, last, number: Cell::new(0) })
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
        Ok(There::File(u64::try_from(found.st_size).unwrap_or_default(), attributes))
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

    /// Gives what lies in a place the time that it was stored with.
    pub(super) fn set_time(&self, path: &FilePath, attributes: &Attributes) -> io::Result<()> {
        let (names, name) = path.split();
        Ok(utimensat(&*self.dir(&names, false)?, name, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?)
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
        unnamed.device = file.metadata()?.dev();
        Ok((file, unnamed))
    }

    /// Makes a symbolic link in a place.
    pub(super) fn create_link(&self, path: &FilePath, target: &[u8], attributes: &Attributes) -> io::Result<Unnamed> {
        let mut unnamed = self.unnamed(path, |dir, temporary| symlinkat(target, dir, temporary))?;
        let (dir, temporary) = (&*unnamed.dir, unnamed.temporary.as_str());
        utimensat(dir, temporary, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?;
        unnamed.device = statat(dir, temporary, AtFlags::SYMLINK_NOFOLLOW)?.st_dev;
        Ok(unnamed)
    }

    fn unnamed(
        &self,
        path: &FilePath,
        mut make: impl FnMut(&OwnedFd, &str) -> Result<(), Errno>,
    ) -> io::Result<Unnamed> {
        let (names, name) = path.split();
        let dir = self.dir(&names, true)?;
        loop {
            let temporary =
                format!("{TEMPORARY_PREFIX}{}-{}", std::process::id(), self.number.replace(self.number.get() + 1));
            match make(&dir, &temporary) {
                // What an earlier process left.
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    return Ok(Unnamed { dir, temporary, name: name.to_owned(), device: 0, has_name: false });
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

impl Unnamed {
    /// Gives the file the attributes that it was stored with, if there are any, and ends its writing.
    pub(super) fn finish(&self, file: &File, attributes: Option<&Attributes>) -> io::Result<()> {
        // Whoever could not run a program as another user before cannot do so through this file.
        let mode = attributes.map_or_else(mode_of_new, |attributes| attributes.mode & 0o777);
        match file.set_permissions(Permissions::from_mode(mode)) {
            // FAT and its like have one mode for all files.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            changed => changed?,
        }
        if let Some(changed) = attributes.and_then(time_of) {
            file.set_modified(changed)?;
        }
        // Elsewhere no file system is synced as a whole.
        #[cfg(not(target_os = "linux"))]
        file.sync_all()?;
        Ok(())
    }

    /// Tells whether two files share one open directory.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.dir, &other.dir)
    }

    /// Gives the file its name.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        renameat(&*self.dir, &self.temporary, &*self.dir, &self.name)?;
        self.has_name = true;
        Ok(())
    }
}

/// Makes files durable under the names that they have: a sync for each file system.
pub(super) fn sync<'a>(files: impl Iterator<Item = &'a Unnamed>) -> io::Result<()> {
    let systems: BTreeMap<_, _> = files.map(|file| (file.device, &file.dir)).collect();
    for dir in systems.into_values() {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(dir)?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::fsync(dir)?;
    }
    Ok(())
}

/// Returns the times that a symbolic link gets: that of its content, and none for the last reading.
fn times(attributes: &Attributes) -> Timestamps {
    let modified = Timespec { tv_sec: attributes.changed_s, tv_nsec: attributes.changed_ns.into() };
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: modified }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if !self.has_name {
            // What made the command fail is told already.
            unlinkat(&*self.dir, &self.temporary, AtFlags::empty()).ok();
        }
    }
}

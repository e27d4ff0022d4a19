//! Calls on names below a directory that is held open. No symbolic link is followed, neither as the last name nor on
//! the way to it: a link in the place of a directory is an error.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::super::{DirEntry, DiskPath, EntryKind};
use super::{DIR_MODE, FILE_MODE, flag_bits};

/// A directory that is held open.
#[derive(Debug)]
pub(super) struct Below(File);

impl Below {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        // The way to the data directory is the user's, and may lead over links.
        OpenOptions::new().read(true).custom_flags(flag_bits(OFlags::DIRECTORY)).open(root).map(Self)
    }

    /// Opens a file for reading and writing.
    pub(super) fn file(&self, path: &DiskPath, flags: OFlags) -> io::Result<File> {
        if *path == DiskPath::root() {
            let is_new = flags.contains(OFlags::CREATE);
            return Err(if is_new { ErrorKind::AlreadyExists } else { ErrorKind::IsADirectory }.into());
        }
        // Without waiting, if a pipe has the name.
        let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(FILE_MODE) } else { Mode::empty() };
        self.open_at(path, flags | OFlags::RDWR | OFlags::NONBLOCK, mode).map(File::from)
    }

    /// Opens a directory for listing and syncing.
    pub(super) fn dir(&self, path: &DiskPath) -> io::Result<File> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).map(File::from)
    }

    pub(super) fn kind(&self, path: &DiskPath) -> io::Result<FileType> {
        let (dir, name) = self.place(path)?;
        let found = statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(found.st_mode))
    }

    pub(super) fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        if *to == DiskPath::root() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let ((from_dir, from), (to_dir, to)) = (self.place(from)?, self.place(to)?);
        Ok(renameat(&from_dir, from, &to_dir, to)?)
    }

    pub(super) fn unlink(&self, path: &DiskPath, flags: AtFlags) -> io::Result<()> {
        if *path == DiskPath::root() {
            let is_dir = flags.contains(AtFlags::REMOVEDIR);
            return Err(if is_dir { ErrorKind::DirectoryNotEmpty } else { ErrorKind::IsADirectory }.into());
        }
        let (dir, name) = self.place(path)?;
        Ok(unlinkat(&dir, name, flags)?)
    }

    pub(super) fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        let (dir, name) = self.place(path)?;
        Ok(mkdirat(&dir, name, Mode::from_raw_mode(DIR_MODE))?)
    }

    pub(super) fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        let dir = self.dir(path)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => FileType::from_raw_mode(found.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                kind => kind,
            };
            let name = OsStr::from_bytes(name.to_bytes()).to_string_lossy().into_owned();
            entries.push(DirEntry { name, kind: entry_kind(kind) });
        }
        Ok(entries)
    }

    /// Opens the directory that holds a path, and returns it with the last name.
    fn place<'p>(&self, path: &'p DiskPath) -> io::Result<(OwnedFd, &'p str)> {
        let (parent, name) = match (path.parent(), path.segments().last()) {
            (Some(parent), Some(name)) => (parent, name),
            // The root has a name in no directory of its own.
            _ => (DiskPath::root(), "."),
        };
        Ok((self.open_at(&parent, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?, name))
    }

    /// Opens what has a path.
    fn open_at(&self, path: &DiskPath, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::fs::{ResolveFlags, openat2};
            let whole = if *path == DiskPath::root() { "." } else { path.as_str() };
            match openat2(&self.0, whole, flags, mode, ResolveFlags::NO_SYMLINKS) {
                // Linux before 5.6, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => {}
                opened => return Ok(opened?),
            }
        }
        self.walk_to(path, flags, mode)
    }

    /// Opens what has a path by opening each directory on the way.
    fn walk_to(&self, path: &DiskPath, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut dir = openat(&self.0, ".", step, Mode::empty())?;
        let mut names = path.segments().peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                return Ok(openat(&dir, name, flags, mode)?);
            }
            dir = openat(&dir, name, step, Mode::empty())?;
        }
        Ok(dir)
    }
}

fn entry_kind(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Dir,
        _ => EntryKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_openat2_no_link_is_followed_either() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        std::fs::create_dir_all(place.path().join("data/a"))?;
        std::fs::create_dir(place.path().join("elsewhere"))?;
        std::fs::write(place.path().join("elsewhere/file"), b"secret")?;
        std::os::unix::fs::symlink(place.path().join("elsewhere"), place.path().join("data/a/link"))?;
        std::fs::write(place.path().join("data/a/file"), b"own")?;
        let below = Below::open(&place.path().join("data"))?;
        let path = |text: &str| text.split('/').fold(DiskPath::root(), |path, name| path.child(name));
        for (text, is_there) in [("a/file", true), ("a/link/file", false), ("a/link", false), ("a/nothing", false)] {
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            assert_eq!(below.walk_to(&path(text), flags, Mode::empty()).is_ok(), is_there, "{text}");
            assert_eq!(below.file(&path(text), OFlags::empty()).is_ok(), is_there, "{text}");
        }
        Ok(())
    }
}

//! Files under temporary names, which get their own many at a time, after one sync of their file system: each appears
//! whole or not at all, also after a power loss.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;

use dacapo::crypto::Attributes;
use rustix::fs::{AtFlags, RenameFlags, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

use crate::cli::output::{mode_of_new, time_of};

/// A file under a temporary name, which vanishes unless it gets its own.
pub(super) struct Unnamed {
    dir: Rc<OwnedFd>,
    temporary: String,
    name: String,
    device: u64,
    has_name: bool,
}

impl Unnamed {
    /// Takes over what has a temporary name.
    pub(super) fn new(dir: Rc<OwnedFd>, temporary: String, name: String) -> Self {
        Self { dir, temporary, name, device: 0, has_name: false }
    }

    /// Returns where it lies, and its temporary name.
    pub(super) fn place(&self) -> (&OwnedFd, &str) {
        (&self.dir, &self.temporary)
    }

    /// Notes on which device it lies.
    pub(super) fn lies_on(&mut self, device: u64) {
        self.device = device;
    }

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
        if is_synced_with_all(file) { Ok(()) } else { file.sync_all() }
    }

    /// Tells whether two files share one open directory.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.dir, &other.dir)
    }

    /// Gives the file its name. A new one (`is_new`) takes nothing's place, however many names the file system takes
    /// for one.
    pub(super) fn publish(&mut self, is_new: bool) -> io::Result<()> {
        match is_new {
            true => self.rename_new().map_err(|error| match error {
                Errno::EXIST => {
                    io::Error::other("a file has come into its place meanwhile, perhaps that of another key")
                }
                error => error.into(),
            })?,
            false => renameat(&*self.dir, &self.temporary, &*self.dir, &self.name)?,
        }
        self.has_name = true;
        Ok(())
    }

    fn rename_new(&self) -> Result<(), Errno> {
        let (dir, from, to) = (&*self.dir, self.temporary.as_str(), self.name.as_str());
        match renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
            // Some file systems cannot do both in one, such as NFS and many that are programs (FUSE).
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match statat(dir, to, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => renameat(dir, from, dir, to),
                there => there.and(Err(Errno::EXIST)),
            },
            renamed => renamed,
        }
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

/// Tells whether a sync of its file system makes a file durable, and fails if that could not be done.
#[cfg(target_os = "linux")]
fn is_synced_with_all(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(syncs_all))
}

/// Elsewhere no file system is synced as a whole.
#[cfg(not(target_os = "linux"))]
fn is_synced_with_all(_: &File) -> bool {
    false
}

/// Tells whether a file system of this kind (statfs(2)) says with its sync as a whole what it could not write. The ones
/// on other hosts and those that are programs (FUSE) say so only of each file.
#[cfg(target_os = "linux")]
fn syncs_all(kind: u64) -> bool {
    const EXT: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const F2FS: u64 = 0xf2f5_2010;
    const ZFS: u64 = 0x2fc1_2fc1;
    const TMPFS: u64 = 0x0102_1994;
    const OVERLAYFS: u64 = 0x794c_7630;
    matches!(kind, EXT | XFS | BTRFS | F2FS | ZFS | TMPFS | OVERLAYFS)
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if !self.has_name {
            // What made the command fail is told already.
            unlinkat(&*self.dir, &self.temporary, AtFlags::empty()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_new_file_takes_no_place_and_another_one_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Rc::new(OwnedFd::from(File::open(folder.path()).expect("opened")));
        let unnamed = |temporary: &str| {
            fs::write(folder.path().join(temporary), temporary).expect("written");
            Unnamed::new(dir.clone(), temporary.to_owned(), "a".to_owned())
        };
        let (mut first, mut second) = (unnamed("first"), unnamed("second"));
        first.publish(true).expect("named");
        let error = second.publish(true).expect_err("the name is that of the first");
        assert!(error.to_string().contains("another key"), "{error}");
        drop(second);
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"first");
        unnamed("third").publish(false).expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"third");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_file_is_synced_where_a_sync_of_all_does_not_say_what_was_lost() {
        let [fuse, nfs, cifs, ext] = [0x6573_5546, 0x6969, 0xff53_4d42, 0xef53].map(syncs_all);
        assert_eq!((fuse, nfs, cifs, ext), (false, false, false, true));
        assert!(!is_synced_with_all(&File::open("/proc/self/stat").expect("it is there")));
    }
}

//! The disk seam over a directory of the real file system.
//!
//! Owns the directory while it is open: an advisory lock keeps a second node out. Everything in it is readable by its
//! owner only. No call follows a symbolic link below the directory, so none leads out of it. Calls block; [`Disk::run`]
//! takes them to a thread of a blocking pool of tokio. The lock file is not part of the disk: no listing shows it.

mod below;
mod short_work;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, Advice, AtFlags, CWD, FileType, FlockOperation, OFlags};
use rustix::io::Errno;

use super::{DirEntry, Disk, DiskFile, DiskPath};
use below::Below;
use short_work::ShortWork;
use tokio::task::JoinHandle;

/// The file that holds the lock, in every data directory. Its content means nothing.
pub const LOCK_NAME: &str = "lock";

/// The file that the store puts into every data directory before anything else.
const IDENTITY_NAME: &str = "identity";

/// The mode of files. They hold keys and private content, so only their owner reads them. A stricter umask stays in
/// force.
const FILE_MODE: u32 = 0o600;

/// The mode of directories. Their entries tell names and sizes, so only their owner reads them. A stricter umask stays
/// in force.
const DIR_MODE: u32 = 0o700;

/// Writeback starts whenever this many more bytes were written. Measured at 512 MiB to two peers on ext4, six rounds in
/// rotating order: a store is 1.2 times as fast as without it (0.9 to 1.5), and a fetch takes as long. The size is
/// chosen.
#[cfg(target_os = "linux")]
const WRITEBACK_BYTES: NonZeroU64 = NonZeroU64::new(8 * 1024 * 1024).expect("it is not zero");

/// Why a directory cannot be a disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirDiskError {
    /// Another process, or another part of this one, has the directory open.
    #[error("{path} is in use by a node or another command")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds something, and nothing shows that a node made it. It was left as it is.
    #[error("{path} is not empty and was not made by a node")]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The path, or a part of it, names something that is not a directory.
    #[error("{path} is not a directory")]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The operating system does not let this process create, read or change the directory.
    #[error("{path} cannot be read and written")]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A directory of the real file system. Clones are one disk; the lock is held until the last clone and the last of its
/// open files are dropped.
#[derive(Clone, Debug)]
pub struct DirDisk {
    root: Arc<Root>,
}

#[derive(Debug)]
struct Root {
    lock: File,
    below: Below,
    short_work: ShortWork,
}

/// An open file of a [`DirDisk`].
#[derive(Debug)]
pub struct DirFile {
    file: File,
    /// Keeps the lock, so that no other node gets in while a blocking thread still writes to the file.
    _root: Arc<Root>,
}

impl DirDisk {
    /// Opens a directory, creates it if it is missing, and keeps every other node out of it.
    ///
    /// A crash meanwhile leaves at most an empty directory or one with an empty lock file, and the next call takes
    /// either.
    ///
    /// # Errors
    /// See [`DirDiskError`]. A directory that cannot be written is refused here and not at its first write. A directory
    /// that no node made is refused and left untouched.
    pub fn open(root: &Path) -> Result<Self, DirDiskError> {
        let refused = |source: io::Error| refusal(root, source);
        if is_foreign(root).map_err(refused)? {
            return Err(DirDiskError::Foreign { path: root.to_owned() });
        }
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(root).map_err(refused)?;
        let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::accessat(CWD, root, all, AtFlags::EACCESS).map_err(|errno| refused(errno.into()))?;
        let lock = owned_file().create(true).open(root.join(LOCK_NAME)).map_err(refused)?;
        let below = Below::open(root).map_err(refused)?;
        let short_work = ShortWork::new().map_err(refused)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { root: Arc::new(Root { lock, below, short_work }) }),
            Err(Errno::WOULDBLOCK) => Err(DirDiskError::InUse { path: root.to_owned() }),
            Err(errno) => Err(refused(errno.into())),
        }
    }

    fn file(&self, file: File) -> DirFile {
        DirFile { file, _root: Arc::clone(&self.root) }
    }

    fn below(&self) -> &Below {
        &self.root.below
    }
}

impl Disk for DirDisk {
    type File = DirFile;

    fn create(&self, path: &DiskPath) -> io::Result<DirFile> {
        self.below().file(path, OFlags::CREATE | OFlags::EXCL).map(|file| self.file(file))
    }

    fn open(&self, path: &DiskPath) -> io::Result<DirFile> {
        let file = self.below().file(path, OFlags::empty())?;
        if file.metadata()?.is_file() {
            Ok(self.file(file))
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"))
        }
    }

    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        // The seam renames files only; the operating system would take a directory as well.
        if self.below().kind(from)? == FileType::Directory {
            return Err(ErrorKind::IsADirectory.into());
        }
        self.below().rename(from, to)
    }

    fn move_away(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        match self.below().kind(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => self.below().rename(from, to),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.below().unlink(path, AtFlags::empty())
    }

    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().make_dir(path)
    }

    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().unlink(path, AtFlags::REMOVEDIR)
    }

    fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        let mut entries = self.below().list(path)?;
        if *path == DiskPath::root() {
            entries.retain(|entry| entry.name != LOCK_NAME);
        }
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().dir(path)?.sync_all()
    }

    fn sync_all(&self) -> io::Result<()> {
        // The lock file is on the file system of the root, and a sync takes any of its files.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        rustix::fs::syncfs(&self.root.lock)?;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        rustix::fs::sync();
        Ok(())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        #[expect(clippy::disallowed_methods, reason = "this is the leaf through which blocking work leaves the thread")]
        let working = tokio::task::spawn_blocking(work);
        result_of(working).await
    }

    async fn run_short<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        result_of(self.root.short_work.start(work)).await
    }
}

/// Waits for work on another thread. A panic there is one here.
async fn result_of<T>(working: JoinHandle<T>) -> T {
    match working.await {
        Ok(result) => result,
        // Nothing aborts the task, and a runtime that shuts down no longer polls the caller: so the work panicked.
        Err(error) => panic::resume_unwind(error.into_panic()),
    }
}

impl DiskFile for DirFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, position) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, position)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Syncs with `fdatasync`, which writes back the content and all that is needed to read it, so the length too. It
    /// leaves out the times, which nothing reads, and saves a journal commit if bytes were only changed in place.
    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Starts writeback by `POSIX_FADV_DONTNEED`, which makes Linux start to write dirty pages back: the safe form of
    /// `sync_file_range`. A later failure is still reported by [`sync`](DiskFile::sync).
    #[cfg(target_os = "linux")]
    fn start_sync(&self, position: u64, len: u64) {
        let step = WRITEBACK_BYTES.get();
        let end = (position + len) / step * step;
        if position < end {
            // If the hint is not taken, it costs time only.
            rustix::fs::fadvise(&self.file, end - step, Some(WRITEBACK_BYTES), Advice::DontNeed).ok();
        }
    }
}

/// Whether the directory holds something and no node left its marks in it.
fn is_foreign(root: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut empty = true;
    for entry in entries {
        let name = entry?.file_name();
        if name == LOCK_NAME || name == IDENTITY_NAME {
            return Ok(false);
        }
        empty = false;
    }
    Ok(!empty)
}

fn refusal(root: &Path, source: io::Error) -> DirDiskError {
    let path = root.to_owned();
    match source.kind() {
        // A directory is only created if there is none, so whatever has its name is something else.
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => DirDiskError::NotADirectory { path },
        _ => DirDiskError::Unwritable { path, source },
    }
}

/// Returns options for a file that only its owner reads and that is not a symbolic link.
fn owned_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(FILE_MODE).custom_flags(flag_bits(OFlags::NOFOLLOW));
    options
}

fn flag_bits(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

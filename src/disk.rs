//! The disk seam: everything that the node does to stable storage goes through [`Disk`].
//!
//! The calls are plain blocking calls. [`Disk::run`] takes them off the node's thread: a directory of the real file
//! system runs them on a blocking thread, a simulated disk runs them in place. The model is POSIX: written content is
//! durable after [`DiskFile::sync`], a name is durable after [`Disk::sync_dir`] of the directory that holds it, and a
//! rename replaces its target atomically.

pub mod dir;
mod path;
pub mod text_file;

use std::fmt::Debug;
use std::future::Future;
use std::io;

pub use path::{DiskPath, PathError};

/// The kind of a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Anything else. The node never makes one and never follows one.
    Other,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, decoded lossily if it is not UTF-8.
    pub name: String,
    /// The kind of what the name stands for.
    pub kind: EntryKind,
}

/// A tree of files that outlives the process. Cheap to clone; clones are one disk.
///
/// Errors are those of the operating system. A failed call may have happened in part, and a failed sync says nothing
/// about what is durable: the caller has to treat the data as lost until it is written again.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file. It stays usable after its name is renamed or removed.
    type File: DiskFile;

    /// Creates a file for reading and writing, readable by its owner only. Fails with `AlreadyExists` if the name is
    /// taken.
    fn create(&self, path: &DiskPath) -> io::Result<Self::File>;

    /// Opens an existing file for reading and writing. Fails with `NotFound` if there is none.
    fn open(&self, path: &DiskPath) -> io::Result<Self::File>;

    /// Gives a file another name, and replaces any file of that name, atomically. Durable after both directories are
    /// synced.
    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()>;

    /// Gives whatever has a name, also a directory with all that is in it, another name. Fails with `AlreadyExists` if
    /// that is taken. Durable after both directories are synced.
    fn move_away(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()>;

    /// Removes a file. Fails with `NotFound` if there is none.
    fn remove(&self, path: &DiskPath) -> io::Result<()>;

    /// Creates one directory, readable by its owner only. Fails with `AlreadyExists` if the name is taken.
    fn make_dir(&self, path: &DiskPath) -> io::Result<()>;

    /// Removes an empty directory. Fails with `DirectoryNotEmpty` if something is in it.
    fn remove_dir(&self, path: &DiskPath) -> io::Result<()>;

    /// Returns the entries of a directory, sorted by name.
    fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>>;

    /// Makes the names in a directory durable, not what they stand for.
    fn sync_dir(&self, path: &DiskPath) -> io::Result<()>;

    /// Makes everything on the disk durable, whichever process wrote it. Called once, when a node starts: a killed
    /// process may have left names that the node sees and that are not durable yet.
    fn sync_all(&self) -> io::Result<()>;

    /// Runs blocking work away from the node's thread and returns its result. Dropping the future does not stop work
    /// that has begun. A panic of the work is a panic of the caller.
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T>;

    /// Runs blocking work as [`run`](Self::run) does, if it is short, or waits for other such work in any case. A disk
    /// may have few threads for that: each of them then finds its next work without being woken.
    fn run_short<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        self.run(work)
    }
}

/// An open file of a [`Disk`], read and written at explicit positions.
#[expect(clippy::len_without_is_empty, reason = "a length that has to be asked for can fail")]
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Reads into `buffer` from `position` and returns the number of bytes; 0 at the end of the file.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `position`; a gap before it reads as zeros.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Makes the content and the length durable, not the name.
    fn sync(&self) -> io::Result<()>;

    /// Starts to write back what was written so far, and does not wait for the end. A hint: it promises nothing.
    fn start_sync(&self, _position: u64, _len: u64) {}
}

/// Reads until `buffer` is full or the file ends, and returns the count.
pub fn read_full(file: &impl DiskFile, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let count = file.read_at(position + filled as u64, &mut buffer[filled..])?;
        if count == 0 {
            break;
        }
        filled += count;
    }
    Ok(filled)
}

//! An open file of a simulated disk: a handle on an inode, so it outlives the file's name but not its host.

use std::fmt;
use std::io;

use dacapo::disk::DiskFile;

use super::SimDisk;
use super::content::{self, SharedContent};
use super::failing::{CallKind, failed};

/// An open file of a [`SimDisk`]. Each call fails once the host that opened it is dead.
pub struct SimFile {
    disk: SimDisk,
    content: SharedContent,
}

impl SimFile {
    pub(super) fn new(disk: SimDisk, content: SharedContent) -> Self {
        Self { disk, content }
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile").field("len", &content::lock(&self.content).len()).finish_non_exhaustive()
    }
}

/// Each call holds the disk for its whole length, and locks the content only after the disk.
impl DiskFile for SimFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.call(CallKind::Read, |_| {
            let content = content::lock(&self.content);
            if content.is_readable(position, buffer.len()) { Ok(content.read(position, buffer)) } else { Err(failed()) }
        })
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.call(CallKind::Write, |state| {
            let (position, pages_free) =
                (state.misdirected.place(&self.content, position, bytes.len()), state.pages_free());
            content::lock(&self.content).write(position, bytes, pages_free)
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.call(CallKind::Write, |_| content::lock(&self.content).set_len(len))
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.call(CallKind::Read, |_| Ok(content::lock(&self.content).len()))
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.disk.call(CallKind::Sync, |state| {
            if !state.lies() {
                content::lock(&self.content).sync();
            }
            Ok(())
        });
        synced.inspect_err(|_| self.disk.fail_sync(&self.content))
    }
}

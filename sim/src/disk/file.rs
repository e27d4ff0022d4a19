//! An open file of a simulated disk: a handle on an inode, so it outlives the file's name but not its host.

use std::fmt;
use std::io;

use dacapo::disk::DiskFile;

use super::SimDisk;
use super::content::{self, SharedContent};
use super::failing::CallKind;

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
        let _state = self.disk.call(CallKind::Read)?;
        Ok(content::lock(&self.content).read(position, buffer))
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let state = self.disk.call(CallKind::Write)?;
        let pages_free = state.pages_free();
        content::lock(&self.content).write(position, bytes, pages_free)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let _state = self.disk.call(CallKind::Write)?;
        content::lock(&self.content).set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.call(CallKind::Read)?;
        Ok(content::lock(&self.content).len())
    }

    fn sync(&self) -> io::Result<()> {
        match self.disk.call(CallKind::Sync) {
            Ok(_state) => {
                content::lock(&self.content).sync();
                Ok(())
            }
            Err(error) => {
                self.disk.fail_sync(&self.content);
                Err(error)
            }
        }
    }
}

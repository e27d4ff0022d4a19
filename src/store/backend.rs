//! The catalog's database file on the disk seam, so that one database runs on a real and on a simulated disk.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use crate::disk::{DiskFile, read_full};
use crate::limits::CHUNK_BYTES;

/// One file of a disk as the storage of a database.
pub(super) struct Backend<F> {
    pub(super) file: F,
    /// Set when a sync fails. From then on nobody knows which bytes of the file are durable, even after later syncs.
    pub(super) is_doubtful: Arc<AtomicBool>,
}

impl<F: DiskFile> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if read_full(&self.file, offset, out)? == out.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the catalog file is shorter than it should be"))
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync().inspect_err(|_| self.is_doubtful.store(true, Ordering::Relaxed))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
}

/// Makes a file durable after a sync of it has failed. Linux may have given up the unwritten bytes at that sync, and a
/// later sync does not try them again (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
/// 2020). So every byte is written again, as it reads, in its place. A power loss meanwhile leaves what the failed sync
/// could leave.
pub(super) fn write_again(file: &impl DiskFile) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut position = 0;
    loop {
        let count = read_full(file, position, &mut chunk)?;
        if count == 0 {
            return file.sync();
        }
        file.write_at(position, &chunk[..count])?;
        position += count as u64;
    }
}

impl<F> fmt::Debug for Backend<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

//! The catalog's database file on the disk seam, so that the same database runs on a real and a simulated disk.

use std::fmt;
use std::io;

use redb::StorageBackend;

use crate::disk::{DiskFile, read_full};

/// One file of a disk as the storage of a database.
pub(super) struct Backend<F>(pub(super) F);

impl<F: DiskFile> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if read_full(&self.0, offset, out)? == out.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the catalog file is shorter than it should be"))
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}

impl<F> fmt::Debug for Backend<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

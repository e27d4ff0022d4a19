//! A blob that is being written: into a temporary file, or, if it may become part of the catalog, into memory for as
//! long as it is small enough.

use bytes::Bytes;

use super::error::{StorageError, failed};
use super::layout::BlobId;
use super::reader::BlobReader;
use crate::crypto::Version;
use crate::disk::{Disk, DiskFile, DiskPath};
use crate::limits::PACKED_BYTES_MAX;

/// A blob that is being written.
#[derive(Debug)]
pub struct BlobWriter<D: Disk> {
    pub(super) blob: BlobId,
    pub(super) version: Version,
    pub(super) temporary: DiskPath,
    disk: D,
    content: Content<D::File>,
}

#[derive(Debug)]
enum Content<F> {
    /// An open file, and its length so far.
    File(F, u64),
    /// Bytes that move to a file once they are too many.
    Memory(Vec<u8>),
    /// All bytes of a small blob, shared with the change that makes them part of the catalog.
    Whole(Bytes),
}

impl<D: Disk> BlobWriter<D> {
    /// Begins a blob in a temporary file.
    pub(super) fn file(disk: D, blob: BlobId, version: Version, temporary: DiskPath) -> Result<Self, StorageError> {
        let content = Content::File(disk.create(&temporary).map_err(failed("create", &temporary))?, 0);
        Ok(Self { blob, version, temporary, disk, content })
    }

    /// Begins a blob in memory.
    pub(super) fn memory(disk: D, blob: BlobId, version: Version, temporary: DiskPath) -> Self {
        Self { blob, version, temporary, disk, content: Content::Memory(Vec::new()) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// After an error the blob is of no further use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        match &mut self.content {
            Content::File(file, position) => {
                file.write_at(*position, bytes).map_err(failed("write", &self.temporary))?;
                file.start_sync(*position, bytes.len() as u64);
                *position += bytes.len() as u64;
                Ok(())
            }
            Content::Memory(written) if written.len() + bytes.len() <= PACKED_BYTES_MAX => {
                written.extend_from_slice(bytes);
                Ok(())
            }
            Content::Memory(_) | Content::Whole(_) => {
                let written = self.share_bytes().expect("the blob is in memory");
                let file = self.disk.create(&self.temporary).map_err(failed("create", &self.temporary))?;
                self.content = Content::File(file, 0);
                self.write(&written)?;
                self.write(bytes)
            }
        }
    }

    /// Whether `bytes` more bytes would stay in memory.
    #[must_use]
    pub fn is_quick(&self, bytes: usize) -> bool {
        matches!(&self.content, Content::Memory(written) if written.len() + bytes <= PACKED_BYTES_MAX)
    }

    /// Returns the bytes that are to become part of the catalog; `None` if the blob is a file.
    pub(super) fn share_bytes(&mut self) -> Option<Bytes> {
        let whole = match &mut self.content {
            Content::File(..) => return None,
            Content::Memory(written) => Bytes::from(std::mem::take(written)),
            Content::Whole(whole) => whole.clone(),
        };
        self.content = Content::Whole(whole.clone());
        Some(whole)
    }

    /// Returns the blob, which now has this path, open for reading.
    pub(super) fn into_reader(self, path: DiskPath) -> BlobReader<D::File> {
        match self.content {
            Content::File(file, len) => BlobReader::file_of(path, file, len),
            Content::Memory(written) => BlobReader::memory(path, written.into()),
            Content::Whole(whole) => BlobReader::memory(path, whole),
        }
    }

    /// Whether there is a temporary file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.content, Content::File(..))
    }

    /// Makes the temporary file durable, if there is one.
    pub(super) fn sync(&self) -> Result<(), StorageError> {
        match &self.content {
            Content::File(file, _) => file.sync().map_err(failed("sync", &self.temporary)),
            Content::Memory(_) | Content::Whole(_) => Ok(()),
        }
    }
}

//! An open blob, read from its start to its end: a file, or bytes from the catalog.

use bytes::Bytes;

use super::error::{StorageError, failed};
use crate::crypto::{ContentCipher, Iv, Keys, Seal};
use crate::disk::{DiskFile, DiskPath, read_full};
use crate::limits::CHUNK_BYTES;

/// An open blob.
#[derive(Debug)]
pub struct BlobReader<F> {
    path: DiskPath,
    content: Content<F>,
    position: u64,
    len: u64,
}

#[derive(Debug)]
enum Content<F> {
    File(F),
    Memory(Bytes),
}

impl<F: DiskFile> BlobReader<F> {
    pub(super) fn file(path: DiskPath, file: F) -> Result<Self, StorageError> {
        let len = file.len().map_err(failed("read", &path))?;
        Ok(Self::file_of(path, file, len))
    }

    /// Returns a reader of a file whose length is known.
    pub(super) fn file_of(path: DiskPath, file: F, len: u64) -> Self {
        Self { path, content: Content::File(file), position: 0, len }
    }

    pub(super) fn memory(path: DiskPath, bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        Self { path, content: Content::Memory(bytes), position: 0, len }
    }

    /// Returns where the blob lies on the disk, if it is a file of its own.
    #[must_use]
    pub fn place(&self) -> Option<&DiskPath> {
        matches!(self.content, Content::File(_)).then_some(&self.path)
    }

    /// Returns the length in bytes when the blob was opened.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty file is a file like any other")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Reads the next bytes, as many as the buffer takes; fewer only at the end. Returns how many were read.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StorageError> {
        let count = match &self.content {
            Content::File(file) => read_full(file, self.position, buffer).map_err(failed("read", &self.path))?,
            Content::Memory(bytes) => {
                let left = &bytes[usize::try_from(self.position).expect("the position is within the bytes")..];
                let count = left.len().min(buffer.len());
                buffer[..count].copy_from_slice(&left[..count]);
                count
            }
        };
        self.position += count as u64;
        Ok(count)
    }

    /// Reads the rest to its end through a buffer, hands on each chunk, and returns how many bytes that was.
    ///
    /// # Errors
    /// Fails if the disk fails, and at the first chunk that is not taken.
    pub fn each_chunk(
        &mut self,
        buffer: &mut [u8],
        mut take: impl FnMut(&mut [u8]) -> Result<(), StorageError>,
    ) -> Result<u64, StorageError> {
        let mut sum = 0;
        loop {
            let count = self.read(buffer)?;
            if count == 0 {
                return Ok(sum);
            }
            take(&mut buffer[..count])?;
            sum += count as u64;
        }
    }

    /// Reads the rest to its end, and returns whether that is what was sealed with this IV: encrypted again, it has the
    /// digest of the replicas. Reads nothing if the length tells that it is not.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn is_plaintext_of(&mut self, keys: &Keys, iv: Iv, seal: &Seal) -> Result<bool, StorageError> {
        if self.len != seal.size {
            return Ok(false);
        }
        let mut cipher = ContentCipher::new(keys, iv);
        let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(self.len).unwrap_or(CHUNK_BYTES))];
        let len = self.each_chunk(&mut chunk, |bytes| {
            cipher.seal(bytes);
            Ok(())
        })?;
        Ok(len == seal.size && cipher.digest() == seal.digest)
    }

    /// Whether reading needs no disk, because the blob is in memory.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        matches!(self.content, Content::Memory(_))
    }

    /// Starts again at the first byte.
    pub fn rewind(&mut self) {
        self.position = 0;
    }
}

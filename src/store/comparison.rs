//! The comparison of a replica with its seal, as a whole or in parts.

use super::layout::BlobId;
use super::{BlobReader, HeldRecord, StorageError, Store};
use crate::crypto::Digest;
use crate::disk::{Disk, DiskFile};
use crate::limits::CHUNK_BYTES;

/// A replica that is being compared. A replica that takes its place meanwhile makes no difference to it.
pub struct Comparison<F> {
    reader: BlobReader<F>,
    hasher: blake3::Hasher,
    digest: Digest,
}

impl<F: DiskFile> Comparison<F> {
    /// Begins a comparison; `None` if the replica is not there, or does not have the right length.
    pub(super) fn new(reader: Option<BlobReader<F>>, record: &HeldRecord) -> Option<Self> {
        let reader = reader.filter(|reader| reader.len() == record.seal.sealed_bytes())?;
        Some(Self { reader, hasher: blake3::Hasher::new(), digest: record.seal.digest })
    }

    /// Reads the next part, and returns whether the replica is what its owner sealed; `None` before the end.
    ///
    /// # Errors
    /// Fails if the replica cannot be read. The comparison is then of no more use.
    pub fn go_on(&mut self, bytes: u64) -> Result<Option<bool>, StorageError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut left = bytes;
        while left > 0 {
            let part = CHUNK_BYTES.min(usize::try_from(left).unwrap_or(CHUNK_BYTES));
            let count = self.reader.read(&mut chunk[..part])?;
            self.hasher.update(&chunk[..count]);
            if count < part {
                return Ok(Some(self.hasher.finalize() == blake3::Hash::from_bytes(self.digest.0)));
            }
            left -= count as u64;
        }
        Ok(None)
    }
}

/// Whether a replica is there and is what its owner sealed.
pub(super) fn is_sealed<F: DiskFile>(reader: Option<BlobReader<F>>, record: &HeldRecord) -> Result<bool, StorageError> {
    Ok(match Comparison::new(reader, record) {
        Some(mut comparison) => comparison.go_on(u64::MAX)? == Some(true),
        None => false,
    })
}

impl<D: Disk> Store<D> {
    /// Begins to compare a replica with its seal; `None` if it is not there, or does not have the right length.
    ///
    /// # Errors
    /// Fails if the replica cannot be read.
    pub fn compare(&self, blob: &BlobId, record: &HeldRecord) -> Result<Option<Comparison<D::File>>, StorageError> {
        Ok(Comparison::new(self.read_from_disk(blob)?, record))
    }

    /// Whether a replica is there and is what its owner sealed.
    ///
    /// # Errors
    /// Fails if the replica cannot be read.
    pub fn is_good(&self, blob: &BlobId, record: &HeldRecord) -> Result<bool, StorageError> {
        is_sealed(self.read_from_disk(blob)?, record)
    }
}

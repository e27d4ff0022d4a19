//! A replica on its way to being the local copy.

use super::Reader;
use crate::crypto::{ContentCipher, Iv, Seal};
use crate::disk::Disk;
use crate::node::pump::Work;
use crate::platform::Platform;
use crate::protocol::WireError;
use crate::store::{BlobWriter, StoreError};

/// A replica that was taken and is the local copy.
pub(super) struct Taken<P: Platform> {
    pub(super) reader: Reader<P>,
    pub(super) seal: Seal,
    pub(super) iv: Iv,
}

/// Decrypts sealed bytes, computes their digest and writes the plaintext to the local disk.
pub(super) struct Opening<D: Disk> {
    pub(super) writer: BlobWriter<D>,
    pub(super) cipher: ContentCipher,
}

impl<D: Disk> Work for Opening<D> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.cipher.open(bytes);
        self.writer.write(bytes)
    }

    fn is_quick(&self, bytes: usize) -> bool {
        self.writer.is_quick(bytes)
    }
}

/// Why a replica was not taken.
#[derive(Debug)]
pub(super) enum TakeError {
    Damaged,
    /// The catalog has learnt of a newer version meanwhile.
    Outdated,
    Wire(WireError),
    Disk(StoreError),
}

impl From<WireError> for TakeError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<StoreError> for TakeError {
    fn from(error: StoreError) -> Self {
        Self::Disk(error)
    }
}

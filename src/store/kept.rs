//! Keeps own files that give way to what the peers know of a later life of this data directory, for people to look at.

use std::sync::atomic::Ordering;

use super::layout::{self, BlobId};
use super::{BlobWriter, StorageError, Store};
use crate::crypto::{FileName, Version};
use crate::disk::Disk;
use crate::limits::CHUNK_BYTES;

impl<D: Disk> Store<D> {
    /// Copies a blob of this node to the folder of kept files, if it is on this disk. Durable on return.
    ///
    /// # Errors
    /// After an error there is no copy.
    pub fn keep_copy(&self, name: FileName, version: Version) -> Result<(), StorageError> {
        let blob = BlobId::Own(name);
        let Some(mut reader) = self.read_blob(&blob)? else { return Ok(()) };
        // The next start drops an unfinished copy: no commit names this version of the temporary file.
        let temporary = layout::temporary(&blob, Version(0), self.attempts.fetch_add(1, Ordering::Relaxed));
        let mut copy = BlobWriter::file(self.disk.clone(), blob, Version(0), temporary)?;
        let copied = reader
            .each_chunk(&mut vec![0; CHUNK_BYTES], |chunk| copy.write(chunk))
            .and_then(|_| copy.sync())
            .and_then(|()| self.rename_to(&copy.temporary, &layout::kept(name, version)));
        match copied {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(self.discard(&copy));
                // What the disk does not give gives way all the same.
                if self.is_unreadable(&blob, &error) { self.set_aside(&blob).map(drop) } else { Err(error) }
            }
        }
    }
}

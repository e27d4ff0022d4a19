//! Compares the pages of the catalog with the checksums that they have of each other.

use redb::{ReadableDatabase, TableHandle};

use super::{Catalog, OBJECTS, pages};
use crate::disk::Disk;
use crate::store::backend::Remains;
use crate::store::error::CatalogError;
use crate::store::layout;

impl<D: Disk> Catalog<D> {
    /// Reads every page of the file, but those with the bytes of small blobs, which their records prove. Each block has
    /// a checksum of its own, by which a read finds rot; but if a write never came to its place, the block there is an
    /// older one and whole, and only the page above it knows better. A damaged file is replaced by the next use.
    pub(in crate::store) fn verify(&self) -> Result<(), CatalogError> {
        self.with(|database| {
            // While this is open, no commit changes the file. What a reader may read, no later commit changes either.
            let transaction = database.begin_write()?;
            let snapshot = database.begin_read()?;
            let remains = Remains::of(self.disk.open(&layout::catalog())?)?.ok_or_else(stale)?;
            let is_system_whole = pages::is_system_whole(&remains)?;
            transaction.abort()?;
            let is_whole = is_system_whole && pages::is_whole(&remains, |table| table != OBJECTS.name())?;
            snapshot.close()?;
            if is_whole { Ok(()) } else { Err(stale()) }
        })
    }
}

fn stale() -> CatalogError {
    redb::StorageError::Corrupted("a page is not the one that was written last".into()).into()
}

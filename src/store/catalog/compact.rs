//! Gives the free pages of the catalog's file back.

use std::ops::RangeInclusive;
use std::sync::PoisonError;

use redb::ReadableDatabase;

use super::panics::{abandon, guarded};
use super::{Catalog, OBJECTS};
use crate::disk::{Disk, DiskFile};
use crate::store::catalog::read::{blob_of, exists};
use crate::store::error::CatalogError;
use crate::store::layout::{self, BlobId};

/// The key of a blob's bytes in the catalog, and the blob.
type ObjectName = (Vec<u8>, Option<BlobId>);

impl<D: Disk> Catalog<D> {
    /// Makes the file smaller if at least half of it is free, and it has so many bytes. Returns by how much. A
    /// crash leaves the same records, in redb's own commits. Every other use of the catalog waits.
    pub(in crate::store) fn compact(&self, sizes: RangeInclusive<u64>) -> Result<Option<u64>, CatalogError> {
        let before = self.file_len()?;
        if !sizes.contains(&before) {
            return Ok(None);
        }
        let used = self.with(|database| {
            let transaction = database.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok(stats.allocated_pages() * stats.page_size() as u64)
        })?;
        if used > before / 2 {
            return Ok(None);
        }
        {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            let Some(open) = &mut *database else { return Ok(None) };
            let compacted = guarded(|| Ok(open.compact()?));
            if matches!(&compacted, Err(CatalogError::Database(error)) if is_in_use(error)) {
                return Ok(None);
            }
            if let Err(error) = &compacted {
                // The next use opens the file again, and finds out what is wrong with it.
                abandon(database.take(), error);
                self.mark_if_doubtful();
            }
            compacted?;
        }
        Ok(Some(before.saturating_sub(self.file_len()?)))
    }

    fn file_len(&self) -> Result<u64, CatalogError> {
        Ok(self.disk.open(&layout::catalog())?.len()?)
    }

    /// Returns the next blobs whose bytes lie in the catalog, in the order of their keys, behind `after`.
    pub(in crate::store) fn object_names(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<ObjectName>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OBJECTS))? else { return Ok(Vec::new()) };
            let start = after.unwrap_or_default();
            let range = table.range::<&[u8]>(start..)?.filter(|entry| match entry {
                Ok((key, _)) => Some(key.value()) != after,
                Err(_) => true,
            });
            let names = range.take(limit).map(|entry| {
                let (key, _) = entry?;
                Ok((key.value().to_vec(), blob_of(key.value())))
            });
            names.collect()
        })
    }
}

/// Whether somebody reads the database at the moment.
fn is_in_use(error: &redb::Error) -> bool {
    matches!(error, redb::Error::TransactionInProgress)
}

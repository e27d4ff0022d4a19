//! Which local copies of own files are to be here: without that, one that the disk has lost would be like one that
//! somebody has removed to make room.

use redb::ReadableDatabase;

use super::read::exists;
use super::{COPIES, Catalog};
use crate::crypto::{FileName, Version};
use crate::disk::Disk;
use crate::store::error::CatalogError;

impl<D: Disk> Catalog<D> {
    /// Returns the version of which a local copy is to be here, if it is known to have been.
    pub(in crate::store) fn copy(&self, file: FileName) -> Result<Option<Version>, CatalogError> {
        self.with(|database| {
            let Some(copies) = exists(database.begin_read()?.open_table(COPIES))? else { return Ok(None) };
            Ok(copies.get(&file.0)?.map(|version| Version(version.value())))
        })
    }
}

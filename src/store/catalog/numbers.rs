//! Reading the numbers of the catalog: reserved versions, and counts of names.

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::read::{decode, exists};
use super::{COUNTS, Catalog, NUMBERS, OWN_NAMES, OWN_TOMBSTONES, VERSION_CEILING, VERSION_RANGES};
use crate::crypto::{NameCount, NodeId};
use crate::disk::Disk;
use crate::limits::VERSION_RANGES_MAX;
use crate::store::error::CatalogError;

impl<D: Disk> Catalog<D> {
    pub(in crate::store) fn version_ceiling(&self) -> Result<u64, CatalogError> {
        Ok(self.number(VERSION_CEILING)?.unwrap_or_default())
    }

    /// Returns one of the single numbers.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, CatalogError> {
        self.with(|database| {
            let numbers = exists(database.begin_read()?.open_table(NUMBERS))?;
            Ok(numbers.map(|numbers| numbers.get(name)).transpose()?.flatten().map(|number| number.value()))
        })
    }

    /// Returns the reserved ranges of versions, in their order.
    pub(in crate::store) fn reserved_versions(&self) -> Result<Vec<(u64, u64)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(VERSION_RANGES))? else { return Ok(Vec::new()) };
            let ranges = table.iter()?.take(VERSION_RANGES_MAX);
            ranges.map(|range| range.map(|(first, last)| (first.value(), last.value())).map_err(Into::into)).collect()
        })
    }

    /// Returns how many names an owner of held replicas has.
    pub(in crate::store) fn name_count(&self, owner: NodeId) -> Result<Option<NameCount>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(COUNTS))? else { return Ok(None) };
            let Some(count) = table.get(&owner.0)? else { return Ok(None) };
            decode(count.value(), "name counts").map(Some)
        })
    }

    /// Returns how many own files there are, and how many are deleted everywhere.
    pub(in crate::store) fn count_own(&self) -> Result<(u64, u64), CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let files = exists(read.open_table(OWN_NAMES))?.map_or(Ok(0), |table| table.len())?;
            let deleted = exists(read.open_table(OWN_TOMBSTONES))?.map_or(Ok(0), |table| table.len())?;
            Ok((files, deleted))
        })
    }
}

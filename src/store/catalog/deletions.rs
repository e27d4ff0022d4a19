//! Reading what the catalog knows of own files that are deleted everywhere.

use redb::ReadableDatabase;

use super::read::{decode, exists, next_name};
use super::{Catalog, FORGETTING, FORGETTING_STATE, OWN_TOMBSTONE_NAMES, OWN_TOMBSTONES};
use crate::crypto::{FileName, ReplicaName, Tombstone};
use crate::disk::Disk;
use crate::store::error::CatalogError;
use crate::store::record::Forgetting;

impl<D: Disk> Catalog<D> {
    /// Returns the tombstone of an own file, which peers know by this name.
    pub(in crate::store) fn tombstone(&self, replica_name: ReplicaName) -> Result<Option<Tombstone>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN_TOMBSTONES))? else { return Ok(None) };
            let Some(tombstone) = table.get(&replica_name.0)? else { return Ok(None) };
            decode(tombstone.value(), "own graves").map(Some)
        })
    }

    /// Returns the names of the local copies of deleted files, in the order of the names that peers know.
    pub(in crate::store) fn tombstone_names(
        &self,
        after: Option<ReplicaName>,
        limit: usize,
    ) -> Result<Vec<(ReplicaName, FileName)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN_TOMBSTONE_NAMES))? else { return Ok(Vec::new()) };
            let first = after.map_or(Some(ReplicaName([0; 16])), next_name);
            let Some(first) = first else { return Ok(Vec::new()) };
            let names = table.range::<&[u8; 16]>(&first.0..)?.take(limit).map(|entry| {
                let (replica_name, name) = entry?;
                Ok((ReplicaName(*replica_name.value()), FileName(*name.value())))
            });
            names.collect()
        })
    }

    /// Returns the name of the local copy of a deleted file, if it is known.
    pub(in crate::store) fn tombstone_name(&self, name: ReplicaName) -> Result<Option<FileName>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN_TOMBSTONE_NAMES))? else { return Ok(None) };
            Ok(table.get(&name.0)?.map(|file| FileName(*file.value())))
        })
    }

    /// Returns tombstones in the order of the names that peers know.
    pub(in crate::store) fn tombstones(
        &self,
        after: Option<ReplicaName>,
        limit: usize,
    ) -> Result<Vec<(ReplicaName, Tombstone)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN_TOMBSTONES))? else { return Ok(Vec::new()) };
            let Some(first) = after.map_or(Some(ReplicaName([0; 16])), next_name) else { return Ok(Vec::new()) };
            let tombstones = table.range::<&[u8; 16]>(&first.0..)?.take(limit).map(|entry| {
                let (replica_name, tombstone) = entry?;
                Ok((ReplicaName(*replica_name.value()), decode(tombstone.value(), "own graves")?))
            });
            tombstones.collect()
        })
    }

    /// Returns how far deletions are forgotten.
    pub(in crate::store) fn forgetting(&self) -> Result<Forgetting, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(FORGETTING))? else { return Ok(Forgetting::default()) };
            // What does not decode is of another version: what was forgotten is learnt, and forgotten again.
            let state = table.get(FORGETTING_STATE)?;
            Ok(state.and_then(|state| decode(state.value(), "forgotten deletions").ok()).unwrap_or_default())
        })
    }
}

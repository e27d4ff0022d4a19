//! Reading the catalog: single records, pages of records, and counts over all of them.

use redb::{ReadableDatabase, ReadableTable};
use serde::de::DeserializeOwned;

use super::{Catalog, HELD, OBJECTS, OWN, OWN_NAMES, OWN_TOMBSTONES, SCRUB, SCRUB_STATE};
use crate::crypto::{FileName, Key, NodeId, ReplicaName, Tombstone};
use crate::disk::Disk;
use crate::replication::Entry;
use crate::store::Usage;
use crate::store::error::CatalogError;
use crate::store::layout::BlobId;
use crate::store::record::{Known, OwnRecord, ScrubState};

impl<D: Disk> Catalog<D> {
    pub(in crate::store) fn scrub_state(&self) -> Result<ScrubState, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(SCRUB))? else { return Ok(ScrubState::default()) };
            // What does not decode is a position of another version: the scrub begins anew.
            let state = table.get(SCRUB_STATE)?.and_then(|state| decode(state.value(), "scrub").ok());
            Ok(state.unwrap_or_default())
        })
    }

    pub(in crate::store) fn own(&self, key: &Key) -> Result<Option<OwnRecord>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN))? else { return Ok(None) };
            own_in(&table, key.as_str())
        })
    }

    /// Returns the key of an own file, which peers know by this name.
    pub(in crate::store) fn key_of(&self, replica_name: ReplicaName) -> Result<Option<Key>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN_NAMES))? else { return Ok(None) };
            let Some(key) = table.get(&replica_name.0)? else { return Ok(None) };
            parse_key(key.value()).map(Some)
        })
    }

    /// Returns own files whose keys begin with a text, in the order of their keys.
    pub(in crate::store) fn list_own(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, OwnRecord)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN))? else { return Ok(Vec::new()) };
            // No key is the empty text, so a range from there on is the whole table.
            let after = after.map_or("", Key::as_str);
            let range = table.range(prefix.max(after)..)?.filter(|entry| match entry {
                Ok((key, _)) => key.value() != after,
                Err(_) => true,
            });
            range
                .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| key.value().starts_with(prefix)))
                .take(limit)
                .map(|entry| {
                    let (key, record) = entry?;
                    Ok((parse_key(key.value())?, decode(record.value(), "own files")?))
                })
                .collect()
        })
    }

    pub(in crate::store) fn held(
        &self,
        owner: NodeId,
        replica_name: ReplicaName,
    ) -> Result<Option<Known>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(HELD))? else { return Ok(None) };
            let Some(known) = table.get(&held_key(owner, replica_name))? else { return Ok(None) };
            decode(known.value(), "held replicas").map(Some)
        })
    }

    /// Returns held replicas, and those that are deleted everywhere, in the order of owner and name.
    pub(in crate::store) fn list_held(
        &self,
        after: Option<(NodeId, ReplicaName)>,
        limit: usize,
    ) -> Result<Vec<(NodeId, ReplicaName, Known)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(HELD))? else { return Ok(Vec::new()) };
            let after = after.map(|(owner, replica_name)| held_key(owner, replica_name));
            let range = table.range::<&[u8; 48]>(&after.unwrap_or([0; 48])..)?.filter(|entry| match entry {
                Ok((key, _)) => Some(*key.value()) != after,
                Err(_) => true,
            });
            range
                .take(limit)
                .map(|entry| {
                    let (key, known) = entry?;
                    let (owner, replica_name) = split_held_key(key.value());
                    Ok((owner, replica_name, decode(known.value(), "held replicas")?))
                })
                .collect()
        })
    }

    /// Returns the bytes of a small blob, if they lie in the catalog.
    pub(in crate::store) fn object(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, CatalogError> {
        self.look_for(blob, <[u8]>::to_vec)
    }

    pub(in crate::store) fn has_object(&self, blob: &BlobId) -> Result<bool, CatalogError> {
        Ok(self.look_for(blob, |_| ())?.is_some())
    }

    fn look_for<T>(&self, blob: &BlobId, look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OBJECTS))? else { return Ok(None) };
            Ok(table.get(object_key(blob).as_slice())?.map(|bytes| look(bytes.value())))
        })
    }

    /// Returns the first small blobs that lie in the catalog, with their bytes.
    pub(in crate::store) fn objects(&self, limit: usize) -> Result<Vec<(BlobId, Vec<u8>)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OBJECTS))? else { return Ok(Vec::new()) };
            let first = table.iter()?.take(limit).map(|entry| {
                let (key, bytes) = entry?;
                let blob = blob_of(key.value()).ok_or(CatalogError::Record { table: "objects" })?;
                Ok((blob, bytes.value().to_vec()))
            });
            first.collect()
        })
    }

    pub(super) fn own_entries(
        &self,
        (first, last): (ReplicaName, ReplicaName),
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let mut entries = Vec::new();
            if let (Some(names), Some(table)) = (exists(read.open_table(OWN_NAMES))?, exists(read.open_table(OWN))?) {
                for name in names.range::<&[u8; 16]>(&first.0..=&last.0)?.take(limit) {
                    let (replica_name, key) = name?;
                    let record = own_in(&table, key.value())?.ok_or(CatalogError::Record { table: "own names" })?;
                    entries.push(record.entry(ReplicaName(*replica_name.value())));
                }
            }
            if let Some(tombstones) = exists(read.open_table(OWN_TOMBSTONES))? {
                for tombstone in tombstones.range::<&[u8; 16]>(&first.0..=&last.0)?.take(limit) {
                    let (replica_name, tombstone) = tombstone?;
                    let tombstone: Tombstone = decode(tombstone.value(), "own graves")?;
                    entries.push(Entry::deleted(ReplicaName(*replica_name.value()), tombstone.version));
                }
            }
            entries.sort_unstable_by_key(|entry| entry.replica_name);
            entries.truncate(limit);
            Ok(entries)
        })
    }

    pub(super) fn held_entries(
        &self,
        owner: NodeId,
        names: (ReplicaName, ReplicaName),
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        let mut entries = Vec::new();
        self.for_each_held(owner, names, limit, |replica_name, known| entries.push(known.entry(replica_name)))?;
        Ok(entries)
    }

    pub(super) fn count_usage(&self, owner: NodeId) -> Result<Usage, CatalogError> {
        let mut usage = Usage::default();
        self.for_each_held(owner, all_names(), usize::MAX, |_, known| usage = usage + Usage::of(Some(known)))?;
        Ok(usage)
    }

    fn for_each_held(
        &self,
        owner: NodeId,
        (first, last): (ReplicaName, ReplicaName),
        limit: usize,
        mut look: impl FnMut(ReplicaName, &Known),
    ) -> Result<(), CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(HELD))? else { return Ok(()) };
            for entry in table.range::<&[u8; 48]>(&held_key(owner, first)..=&held_key(owner, last))?.take(limit) {
                let (key, known) = entry?;
                look(split_held_key(key.value()).1, &decode(known.value(), "held replicas")?);
            }
            Ok(())
        })
    }
}

/// Returns the name after this one; `None` for the last.
pub(in crate::store) fn next_name(replica_name: ReplicaName) -> Option<ReplicaName> {
    let next = u128::from_be_bytes(replica_name.0).checked_add(1)?;
    Some(ReplicaName(next.to_be_bytes()))
}

/// Returns the first and the last name there can be.
pub(super) fn all_names() -> (ReplicaName, ReplicaName) {
    (ReplicaName([0; 16]), ReplicaName([0xff; 16]))
}

pub(super) fn own_in(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<OwnRecord>, CatalogError> {
    let Some(record) = table.get(key)? else { return Ok(None) };
    decode(record.value(), "own files").map(Some)
}

pub(super) fn parse_key(text: &str) -> Result<Key, CatalogError> {
    text.parse().map_err(|_| CatalogError::Record { table: "own files" })
}

/// Returns a table; `None` if no commit has made it yet, and then it counts as empty.
pub(super) fn exists<T>(table: Result<T, redb::TableError>) -> Result<Option<T>, CatalogError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn split_held_key(key: &[u8; 48]) -> (NodeId, ReplicaName) {
    let (owner, replica_name) = key.split_first_chunk().expect("48 bytes have a first 32");
    (NodeId(*owner), ReplicaName(replica_name.try_into().expect("48 bytes have a last 16")))
}

/// Returns the blob that a key of the object table stands for.
pub(super) fn blob_of(key: &[u8]) -> Option<BlobId> {
    match key.try_into() {
        Ok(name) => Some(BlobId::Own(FileName(name))),
        Err(_) => {
            key.try_into().ok().map(split_held_key).map(|(owner, replica_name)| BlobId::Held(owner, replica_name))
        }
    }
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], table: &'static str) -> Result<T, CatalogError> {
    postcard::from_bytes(bytes).map_err(|_| CatalogError::Record { table })
}

pub(super) fn held_key(owner: NodeId, replica_name: ReplicaName) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(&owner.0);
    key[32..].copy_from_slice(&replica_name.0);
    key
}

/// Returns the key of a blob's bytes: 20 bytes for an own file, 48 for a replica.
pub(super) fn object_key(blob: &BlobId) -> Vec<u8> {
    match blob {
        BlobId::Own(name) => name.0.to_vec(),
        BlobId::Held(owner, replica_name) => held_key(*owner, *replica_name).to_vec(),
    }
}

//! Changing the catalog, within one transaction. The catalog never goes back: for each name it keeps the newest version
//! that it was told of, in whatever order the versions came.

use redb::{ReadableTable, WriteTransaction};
use serde::Serialize;

use super::read::{decode, own_in, parse_key};
use super::summaries::StepOf;
use super::{
    HELD, NUMBERS, OBJECTS, OWN, OWN_NAMES, OWN_TOMBSTONE_NAMES, OWN_TOMBSTONES, VERSION_CEILING, held_key, object_key,
};
use crate::crypto::{HashedKey, NodeId, Tombstone};
use crate::replication::Entry;
use crate::store::Usage;
use crate::store::error::CatalogError;
use crate::store::record::{Change, Known};

/// Applies changes that belong together. Applies none, and returns false, if the catalog has a newer version of a
/// changed name, or another entry under the same version.
pub(super) fn group(
    transaction: &WriteTransaction,
    changes: &[Change],
    steps: &mut Vec<StepOf>,
) -> Result<bool, CatalogError> {
    let mut versioned = Vec::new();
    for change in changes {
        let Some((whose, hashed, after)) = what(change) else { continue };
        let (mut used_before, mut used_after) = Default::default();
        let before = match whose {
            None => own_entry(transaction, hashed)?,
            Some(owner) => {
                let held = held(transaction, owner, hashed)?;
                used_before = Usage::of(held.as_ref());
                used_after = Usage::of(if let Change::Held(_, _, known) = change { Some(known) } else { None });
                held.map(|known| known.entry(hashed))
            }
        };
        if let (Some(before), Some(after)) = (before, after)
            && (before.version > after.version || (before.version == after.version && before != after))
        {
            return Ok(false);
        }
        versioned.push(StepOf { whose, before, after, used_before, used_after });
    }
    steps.extend(versioned);
    changes.iter().try_for_each(|change| put(transaction, change))?;
    Ok(true)
}

/// Returns whose file a change is about, its name, and its entry after the change; `None` if the change is about no
/// name.
fn what(change: &Change) -> Option<(Option<NodeId>, HashedKey, Option<Entry>)> {
    match change {
        Change::Own(_, hashed, record) => Some((None, *hashed, Some(record.entry(*hashed)))),
        Change::Deleted(hashed, tombstone) => Some((None, *hashed, Some(Entry::deleted(*hashed, tombstone.version)))),
        Change::Held(owner, hashed, known) => Some((Some(*owner), *hashed, Some(known.entry(*hashed)))),
        Change::Lost(owner, hashed) => Some((Some(*owner), *hashed, None)),
        Change::Object(..) | Change::VersionCeiling(_) => None,
    }
}

fn own_entry(transaction: &WriteTransaction, hashed: HashedKey) -> Result<Option<Entry>, CatalogError> {
    if let Some(key) = transaction.open_table(OWN_NAMES)?.get(&hashed.0)? {
        let record = own_in(&transaction.open_table(OWN)?, key.value())?;
        return Ok(Some(record.ok_or(CatalogError::Record { table: "own names" })?.entry(hashed)));
    }
    let tombstones = transaction.open_table(OWN_TOMBSTONES)?;
    let Some(tombstone) = tombstones.get(&hashed.0)? else { return Ok(None) };
    let tombstone: Tombstone = decode(tombstone.value(), "own graves")?;
    Ok(Some(Entry::deleted(hashed, tombstone.version)))
}

fn held(transaction: &WriteTransaction, owner: NodeId, hashed: HashedKey) -> Result<Option<Known>, CatalogError> {
    let table = transaction.open_table(HELD)?;
    let known = table.get(&held_key(owner, hashed))?;
    known.map(|known| decode(known.value(), "held replicas")).transpose()
}

fn put(transaction: &WriteTransaction, change: &Change) -> Result<(), CatalogError> {
    match change {
        Change::Own(key, hashed, record) => {
            transaction.open_table(OWN)?.insert(key.as_str(), encode(record).as_slice())?;
            transaction.open_table(OWN_NAMES)?.insert(&hashed.0, key.as_str())?;
            transaction.open_table(OWN_TOMBSTONES)?.remove(&hashed.0)?;
            transaction.open_table(OWN_TOMBSTONE_NAMES)?.remove(&hashed.0)?;
        }
        Change::Deleted(hashed, tombstone) => {
            if let Some(key) = transaction.open_table(OWN_NAMES)?.remove(&hashed.0)? {
                transaction.open_table(OWN)?.remove(key.value())?;
                let name = parse_key(key.value())?.path_name();
                transaction.open_table(OWN_TOMBSTONE_NAMES)?.insert(&hashed.0, &name.0)?;
            }
            transaction.open_table(OWN_TOMBSTONES)?.insert(&hashed.0, encode(tombstone).as_slice())?;
        }
        Change::Held(owner, hashed, known) => {
            transaction.open_table(HELD)?.insert(&held_key(*owner, *hashed), encode(known).as_slice())?;
        }
        Change::Lost(owner, hashed) => {
            transaction.open_table(HELD)?.remove(&held_key(*owner, *hashed))?;
        }
        Change::Object(blob, bytes) => {
            let mut objects = transaction.open_table(OBJECTS)?;
            match bytes {
                Some(bytes) => objects.insert(object_key(blob).as_slice(), bytes.as_slice())?,
                None => objects.remove(object_key(blob).as_slice())?,
            };
        }
        Change::VersionCeiling(ceiling) => {
            transaction.open_table(NUMBERS)?.insert(VERSION_CEILING, ceiling)?;
        }
    }
    Ok(())
}

fn encode(known: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(known).expect("every record encodes")
}

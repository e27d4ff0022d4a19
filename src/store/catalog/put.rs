//! Changing the catalog, within one transaction. The catalog never goes back: for each name it keeps the newest version
//! that it was told of, in whatever order the versions came.

use redb::{ReadableTable, WriteTransaction};
use serde::Serialize;

use super::read::{decode, held_key, object_key, own_in, parse_key};
use super::summaries::StepOf;
use super::{
    COPIES, COUNTS, FORGETTING, FORGETTING_STATE, HELD, NUMBERS, OBJECTS, OWN, OWN_NAMES, OWN_TOMBSTONE_NAMES,
    OWN_TOMBSTONES, PEERS, SCRUB, SCRUB_STATE, VERSION_CEILING, VERSION_RANGES,
};
use crate::crypto::{FileName, NameCount, NodeId, ReplicaName, Tombstone, Version};
use crate::replication::Entry;
use crate::store::Usage;
use crate::store::error::CatalogError;
use crate::store::layout::BlobId;
use crate::store::record::{Change, Known};
use crate::time::UnixMillis;

/// Applies changes that belong together. Applies none, and returns false, if the catalog has a newer version of a
/// changed name, or another entry under the same version.
pub(super) fn group(
    transaction: &WriteTransaction,
    changes: &[Change],
    steps: &mut Vec<StepOf>,
) -> Result<bool, CatalogError> {
    let mut versioned = Vec::new();
    // The name whose record an earlier change of the group drops.
    let mut disproved = None;
    for change in changes {
        match disproves(transaction, change)? {
            Some((_, false)) => return Ok(false),
            Some((replica_name, true)) => disproved = Some(replica_name),
            None => {}
        }
        let Some((whose, replica_name, after)) = what(change) else { continue };
        let (mut used_before, mut used_after) = Default::default();
        let before = match whose {
            None if disproved == Some(replica_name) && after.is_some() => None,
            None => own_entry(transaction, replica_name)?,
            Some(owner) => {
                let held = held(transaction, owner, replica_name)?;
                used_before = Usage::of(held.as_ref());
                used_after = Usage::of(if let Change::Held(_, _, known) = change { Some(known) } else { None });
                held.map(|known| known.entry(replica_name))
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

/// Returns the name whose record or tombstone a change drops, and whether that is still there.
fn disproves(transaction: &WriteTransaction, change: &Change) -> Result<Option<(ReplicaName, bool)>, CatalogError> {
    Ok(match change {
        Change::Disproved(key, replica_name, record) => {
            let found = own_in(&transaction.open_table(OWN)?, key.as_str())?;
            Some((*replica_name, found.as_ref() == Some(&**record)))
        }
        Change::DisprovedTombstone(replica_name, tombstone) | Change::Forgotten(replica_name, tombstone) => {
            Some((*replica_name, own_tombstone(transaction, *replica_name)? == Some(*tombstone)))
        }
        _ => None,
    })
}

/// Returns whose file a change is about, its name, and its entry after the change; `None` if the change is about no
/// name.
fn what(change: &Change) -> Option<(Option<NodeId>, ReplicaName, Option<Entry>)> {
    match change {
        Change::Own(_, replica_name, record) => Some((None, *replica_name, Some(record.entry(*replica_name)))),
        Change::Deleted(replica_name, tombstone) => {
            Some((None, *replica_name, Some(Entry::deleted(*replica_name, tombstone.version))))
        }
        Change::Disproved(_, replica_name, _)
        | Change::DisprovedTombstone(replica_name, _)
        | Change::Forgotten(replica_name, _) => Some((None, *replica_name, None)),
        Change::Held(owner, replica_name, known) => {
            Some((Some(*owner), *replica_name, Some(known.entry(*replica_name))))
        }
        Change::Lost(owner, replica_name) => Some((Some(*owner), *replica_name, None)),
        Change::Copy(..)
        | Change::Object(..)
        | Change::Count(..)
        | Change::VersionCeiling(_)
        | Change::VersionsReserved(_)
        | Change::Verified(..)
        | Change::PeerMet(..)
        | Change::Scrub(_)
        | Change::Forgetting(_) => None,
    }
}

fn own_entry(transaction: &WriteTransaction, replica_name: ReplicaName) -> Result<Option<Entry>, CatalogError> {
    if let Some(key) = transaction.open_table(OWN_NAMES)?.get(&replica_name.0)? {
        let record = own_in(&transaction.open_table(OWN)?, key.value())?;
        return Ok(Some(record.ok_or(CatalogError::Record { table: "own names" })?.entry(replica_name)));
    }
    Ok(own_tombstone(transaction, replica_name)?.map(|tombstone| Entry::deleted(replica_name, tombstone.version)))
}

fn own_tombstone(transaction: &WriteTransaction, replica_name: ReplicaName) -> Result<Option<Tombstone>, CatalogError> {
    let tombstones = transaction.open_table(OWN_TOMBSTONES)?;
    let tombstone = tombstones.get(&replica_name.0)?;
    tombstone.map(|tombstone| decode(tombstone.value(), "own graves")).transpose()
}

fn held(
    transaction: &WriteTransaction,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<Option<Known>, CatalogError> {
    let table = transaction.open_table(HELD)?;
    let known = table.get(&held_key(owner, replica_name))?;
    known.map(|known| decode(known.value(), "held replicas")).transpose()
}

fn put(transaction: &WriteTransaction, change: &Change) -> Result<(), CatalogError> {
    match change {
        Change::Own(key, replica_name, record) => {
            transaction.open_table(OWN)?.insert(key.as_str(), encode(record).as_slice())?;
            transaction.open_table(OWN_NAMES)?.insert(&replica_name.0, key.as_str())?;
            remove_tombstone(transaction, *replica_name)?;
        }
        Change::Deleted(replica_name, tombstone) => {
            if let Some(key) = transaction.open_table(OWN_NAMES)?.remove(&replica_name.0)? {
                transaction.open_table(OWN)?.remove(key.value())?;
                let name = parse_key(key.value())?.file_name();
                transaction.open_table(OWN_TOMBSTONE_NAMES)?.insert(&replica_name.0, &name.0)?;
                transaction.open_table(COPIES)?.remove(&name.0)?;
            }
            transaction.open_table(OWN_TOMBSTONES)?.insert(&replica_name.0, encode(tombstone).as_slice())?;
        }
        Change::Copy(file, version) => note_copy(transaction, *file, *version)?,
        Change::Disproved(key, replica_name, _) => {
            transaction.open_table(OWN)?.remove(key.as_str())?;
            transaction.open_table(OWN_NAMES)?.remove(&replica_name.0)?;
        }
        // The name of the local copy stays: what a crash has left of it is still to go.
        Change::DisprovedTombstone(replica_name, _) => {
            transaction.open_table(OWN_TOMBSTONES)?.remove(&replica_name.0)?;
        }
        Change::Forgotten(replica_name, _) => remove_tombstone(transaction, *replica_name)?,
        Change::Forgetting(state) => {
            transaction.open_table(FORGETTING)?.insert(FORGETTING_STATE, encode(state).as_slice())?;
        }
        Change::Held(owner, replica_name, known) => {
            transaction.open_table(HELD)?.insert(&held_key(*owner, *replica_name), encode(known).as_slice())?;
        }
        Change::Lost(owner, replica_name) => {
            transaction.open_table(HELD)?.remove(&held_key(*owner, *replica_name))?;
        }
        Change::Count(owner, count) => note_count(transaction, *owner, count)?,
        Change::Object(blob, bytes) => put_object(transaction, blob, bytes.as_deref())?,
        Change::Verified(owner, replica_name, version, at) => {
            note_verified(transaction, (*owner, *replica_name), *version, *at)?;
        }
        Change::PeerMet(peer, address) => {
            transaction.open_table(PEERS)?.insert(&peer.0, address.as_str())?;
        }
        Change::Scrub(state) => {
            transaction.open_table(SCRUB)?.insert(SCRUB_STATE, encode(state).as_slice())?;
        }
        Change::VersionCeiling(ceiling) => {
            transaction.open_table(NUMBERS)?.insert(VERSION_CEILING, ceiling)?;
        }
        Change::VersionsReserved(ranges) => reserve(transaction, ranges)?,
    }
    Ok(())
}

fn put_object(transaction: &WriteTransaction, blob: &BlobId, bytes: Option<&[u8]>) -> Result<(), CatalogError> {
    let (mut objects, key) = (transaction.open_table(OBJECTS)?, object_key(blob));
    match bytes {
        Some(bytes) => objects.insert(key.as_slice(), bytes)?,
        None => objects.remove(key.as_slice())?,
    };
    Ok(())
}

/// Notes of which version a local copy is to be here.
fn note_copy(transaction: &WriteTransaction, file: FileName, version: Option<Version>) -> Result<(), CatalogError> {
    let mut copies = transaction.open_table(COPIES)?;
    match version {
        Some(version) => copies.insert(&file.0, version.0)?,
        None => copies.remove(&file.0)?,
    };
    Ok(())
}

/// Keeps the number of names of an owner, unless the owner has said another one later.
fn note_count(transaction: &WriteTransaction, owner: NodeId, count: &NameCount) -> Result<(), CatalogError> {
    let mut counts = transaction.open_table(COUNTS)?;
    let kept = counts.get(&owner.0)?.map(|kept| decode::<NameCount>(kept.value(), "name counts")).transpose()?;
    if kept.is_none_or(|kept| kept.version < count.version) {
        counts.insert(&owner.0, encode(count).as_slice())?;
    }
    Ok(())
}

/// Notes when a replica was compared with its seal, if it still has this version.
fn note_verified(
    transaction: &WriteTransaction,
    (owner, replica_name): (NodeId, ReplicaName),
    version: Version,
    at: UnixMillis,
) -> Result<(), CatalogError> {
    if let Some(Known::File(mut record)) = held(transaction, owner, replica_name)?
        && record.seal.version == version
        && record.verified < at
    {
        record.verified = at;
        let key = held_key(owner, replica_name);
        transaction.open_table(HELD)?.insert(&key, encode(&Known::File(record)).as_slice())?;
    }
    Ok(())
}

fn remove_tombstone(transaction: &WriteTransaction, replica_name: ReplicaName) -> Result<(), CatalogError> {
    transaction.open_table(OWN_TOMBSTONES)?.remove(&replica_name.0)?;
    transaction.open_table(OWN_TOMBSTONE_NAMES)?.remove(&replica_name.0)?;
    Ok(())
}

/// Has just these ranges of versions reserved.
pub(super) fn reserve(transaction: &WriteTransaction, ranges: &[(u64, u64)]) -> Result<(), CatalogError> {
    let mut table = transaction.open_table(VERSION_RANGES)?;
    table.retain(|_, _| false)?;
    for (first, last) in ranges {
        table.insert(first, last)?;
    }
    if let Some((_, ceiling)) = ranges.last() {
        transaction.open_table(NUMBERS)?.insert(VERSION_CEILING, ceiling)?;
    }
    Ok(())
}

fn encode(known: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(known).expect("every record encodes")
}

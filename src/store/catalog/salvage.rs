//! Salvage: what a damaged catalog still says goes into the new one. Nothing is taken that is not certain: each page is
//! compared with its checksum, an own file and its deletion with the owner's tag, and the bytes of a small blob with
//! its record. What is not found is learnt again from the peers, or sent again by its owner.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};

use super::pages::{Tree, Trees};
use super::read::{decode, parse_key, split_held_key};
use super::{
    COPIES, COUNTS, HELD, NUMBERS, OBJECTS, OWN, OWN_NAMES, OWN_TOMBSTONE_NAMES, OWN_TOMBSTONES, PEERS,
    VERSION_CEILING, marks, put,
};
use crate::crypto::{ContentCipher, Digest, IV_BYTES, Keys, NameCount, ReplicaName, Tombstone};
use crate::disk::DiskFile;
use crate::limits::{PACKED_BYTES_MAX, VERSIONS_RESERVED};
use crate::store::backend::Remains;
use crate::store::error::CatalogError;
use crate::store::layout::BlobId;
use crate::store::record::{HeldRecord, Known, OwnRecord};

/// What was taken from a damaged catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Own files, and deletions of own files.
    pub own: u64,
    /// Replicas that this node holds, and their deletions.
    pub held: u64,
    /// Pages that could not be read; what lay in them and below them is lost here.
    pub lost_pages: u64,
}

/// The key of a table, as its definition has it.
type Bytes = &'static [u8];

/// Fills the tables of a transaction with what is left in a damaged file, and returns with it the number that later
/// versions must be above: the reserved one, which may be lost, or that of a record that was salvaged, which may be
/// older. `has_file` says whether a replica of that length lies on the disk as a file.
pub(super) fn salvage<F: DiskFile>(
    transaction: &WriteTransaction,
    remains: &Remains<F>,
    keys: &Keys,
    has_file: &dyn Fn(&BlobId, u64) -> bool,
) -> Result<(Salvaged, u64), CatalogError> {
    let mut trees = Trees::of(remains)?;
    let tables = trees.tables()?;
    let find = |name: &str| tables.iter().find(|(found, _)| found == name).map(|(_, tree)| *tree);
    let mut salvaged = Salvaged::default();
    // The bytes of small blobs come first: they are removed again if their records say something else.
    if let Some(tree) = find("objects v1") {
        let mut objects = transaction.open_table(OBJECTS)?;
        trees.each(tree, &mut |key, bytes| insert(&mut objects, key, bytes))?;
    }
    let mut ceiling = 0;
    if let Some(tree) = find("own files v1") {
        salvaged.own += own_files(transaction, &mut trees, tree, keys, &mut ceiling)?;
    }
    if let Some(tree) = find("own graves v1") {
        salvaged.own += tombstones(transaction, &mut trees, tree, keys, &mut ceiling)?;
    }
    if let Some(tree) = find("own grave names v1") {
        tombstone_names(transaction, &mut trees, tree)?;
    }
    if let Some(tree) = find("own copies v1") {
        copies(transaction, &mut trees, tree)?;
    }
    if let Some(tree) = find("held replicas v1") {
        salvaged.held += held_replicas(transaction, &mut trees, tree, has_file)?;
    }
    if let Some(tree) = find("peers v1") {
        peers(transaction, &mut trees, tree)?;
    }
    if let Some(tree) = find("name counts v1") {
        name_counts(transaction, &mut trees, tree)?;
    }
    if let Some(tree) = find("numbers v1") {
        let numbers = numbers(&mut trees, tree)?;
        let number = |name: &str| numbers.get(name).copied();
        marks::take_over(transaction, keys.node(), (number(marks::NODE), number(marks::LAYOUT)))?;
        ceiling = ceiling.max(number(VERSION_CEILING).unwrap_or_default());
    }
    if let Some(tree) = find("version ranges v1") {
        ceiling = ceiling.max(highest_of(&mut trees, tree)?);
    }
    // The page of a later header is lost, and the commit may have reserved versions.
    salvaged.lost_pages = trees.lost_pages() + u64::from(remains.is_older());
    Ok((salvaged, if remains.is_older() { ceiling.saturating_add(VERSIONS_RESERVED) } else { ceiling }))
}

/// Returns the numbers that are taken over, as far as they are left.
fn numbers<F: DiskFile>(trees: &mut Trees<'_, F>, tree: Tree) -> Result<BTreeMap<&'static str, u64>, CatalogError> {
    let mut numbers = BTreeMap::new();
    trees.each::<CatalogError>(tree, &mut |name, found| {
        let known = [VERSION_CEILING, marks::NODE, marks::LAYOUT];
        if let Some(name) = known.into_iter().find(|known| known.as_bytes() == name) {
            numbers.insert(name, number(found));
        }
        Ok(())
    })?;
    Ok(numbers)
}

/// Returns the highest number up to which versions were reserved, as far as the ranges are left.
fn highest_of<F: DiskFile>(trees: &mut Trees<'_, F>, ranges: Tree) -> Result<u64, CatalogError> {
    let mut highest = 0;
    trees.each::<CatalogError>(ranges, &mut |_, last| {
        highest = highest.max(number(last));
        Ok(())
    })?;
    Ok(highest)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn peers<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
) -> Result<(), CatalogError> {
    let mut peers = transaction.open_table(PEERS)?;
    trees.each::<CatalogError>(tree, &mut |peer, address| {
        if let (Ok(peer), Ok(address)) = (<&[u8; 32]>::try_from(peer), str::from_utf8(address)) {
            peers.insert(peer, address)?;
        }
        Ok(())
    })
}

/// Takes over what owners have said of how many names they have. Only they can tell whether it is so.
fn name_counts<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
) -> Result<(), CatalogError> {
    let mut counts = transaction.open_table(COUNTS)?;
    trees.each::<CatalogError>(tree, &mut |owner, count| {
        if let (Ok(owner), Ok(_)) = (<&[u8; 32]>::try_from(owner), decode::<NameCount>(count, "name counts")) {
            counts.insert(owner, count)?;
        }
        Ok(())
    })
}

fn insert(table: &mut Table<'_, Bytes, Bytes>, key: &[u8], value: &[u8]) -> Result<(), CatalogError> {
    table.insert(key, value)?;
    Ok(())
}

fn own_files<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
    keys: &Keys,
    ceiling: &mut u64,
) -> Result<u64, CatalogError> {
    let mut own = transaction.open_table(OWN)?;
    let mut names = transaction.open_table(OWN_NAMES)?;
    let mut objects = transaction.open_table(OBJECTS)?;
    let (mut count, mut unproved) = (0, 0);
    trees.each::<CatalogError>(tree, &mut |key, bytes| {
        let Some(key) = std::str::from_utf8(key).ok().and_then(|text| parse_key(text).ok()) else { return Ok(()) };
        let Ok(record) = decode::<OwnRecord>(bytes, "own files") else { return Ok(()) };
        let replica_name = keys.replica_name(&key);
        if !record.seal.is_authentic(keys, replica_name) {
            unproved += 1;
            return Ok(());
        }
        own.insert(key.as_str(), bytes)?;
        names.insert(&replica_name.0, key.as_str())?;
        *ceiling = record.seal.version.0.max(*ceiling);
        count += 1;
        let name = key.file_name().0;
        let is_other = objects.get(name.as_slice())?.is_some_and(|bytes| !is_plaintext(bytes.value(), keys, &record));
        if is_other {
            objects.remove(name.as_slice())?;
        }
        Ok(())
    })?;
    // Rot takes the proof of single ones.
    if count == 0 && unproved > 1 { Err(CatalogError::OtherNode) } else { Ok(count) }
}

fn tombstones<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
    keys: &Keys,
    ceiling: &mut u64,
) -> Result<u64, CatalogError> {
    let names = transaction.open_table(OWN_NAMES)?;
    let mut own_tombstones = transaction.open_table(OWN_TOMBSTONES)?;
    let mut count = 0;
    trees.each::<CatalogError>(tree, &mut |key, bytes| {
        let Ok(replica_name) = key.try_into().map(ReplicaName) else { return Ok(()) };
        let Ok(tombstone) = decode::<Tombstone>(bytes, "own graves") else { return Ok(()) };
        // A commit has a name in one of the two tables only.
        if tombstone.is_authentic(keys, replica_name) && names.get(&replica_name.0)?.is_none() {
            own_tombstones.insert(&replica_name.0, bytes)?;
            *ceiling = tombstone.version.0.max(*ceiling);
            count += 1;
        }
        Ok(())
    })?;
    Ok(count)
}

fn tombstone_names<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
) -> Result<(), CatalogError> {
    let own_tombstones = transaction.open_table(OWN_TOMBSTONES)?;
    let mut names = transaction.open_table(OWN_TOMBSTONE_NAMES)?;
    trees.each::<CatalogError>(tree, &mut |key, name| {
        if let (Ok(key), Ok(name)) = (<&[u8; 16]>::try_from(key), <&[u8; 20]>::try_from(name))
            && own_tombstones.get(key)?.is_some()
        {
            names.insert(key, name)?;
        }
        Ok(())
    })
}

/// Takes over of which versions local copies are to be here. One that the damage has taken is missed by the next scrub.
fn copies<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
) -> Result<(), CatalogError> {
    let mut copies = transaction.open_table(COPIES)?;
    trees.each::<CatalogError>(tree, &mut |file, version| {
        if let Ok(file) = <&[u8; 20]>::try_from(file) {
            copies.insert(file, number(version))?;
        }
        Ok(())
    })
}

fn held_replicas<F: DiskFile>(
    transaction: &WriteTransaction,
    trees: &mut Trees<'_, F>,
    tree: Tree,
    has_file: &dyn Fn(&BlobId, u64) -> bool,
) -> Result<u64, CatalogError> {
    let mut held = transaction.open_table(HELD)?;
    let mut objects = transaction.open_table(OBJECTS)?;
    let mut count = 0;
    trees.each::<CatalogError>(tree, &mut |key, bytes| {
        let Ok(key) = <&[u8; 48]>::try_from(key) else { return Ok(()) };
        let (owner, replica_name) = split_held_key(key);
        let is_there = match decode::<Known>(bytes, "held replicas") {
            Ok(Known::Deleted(_)) => true,
            Ok(Known::File(record)) => {
                let object = objects.get(key.as_slice())?.map(|bytes| is_replica(bytes.value(), &record));
                match object {
                    Some(is_good) => is_good,
                    None => has_file(&BlobId::Held(owner, replica_name), record.seal.sealed_bytes()),
                }
            }
            Err(_) => false,
        };
        if is_there {
            held.insert(key, bytes)?;
            count += 1;
        } else {
            // Its owner sends the replica again, because this node no longer says that it has it.
            objects.remove(key.as_slice())?;
        }
        Ok(())
    })?;
    Ok(count)
}

/// Whether these are the bytes of an own file.
fn is_plaintext(bytes: &[u8], keys: &Keys, record: &OwnRecord) -> bool {
    let mut content = bytes.to_vec();
    let mut cipher = ContentCipher::new(keys, record.iv);
    cipher.seal(&mut content);
    bytes.len() as u64 == record.seal.size && cipher.digest() == record.seal.digest
}

/// Whether these are the bytes of a replica.
fn is_replica(bytes: &[u8], record: &HeldRecord) -> bool {
    bytes.len() <= PACKED_BYTES_MAX + IV_BYTES && Digest(*blake3::hash(bytes).as_bytes()) == record.seal.digest
}

/// Reserves the versions up to a number, and says by it that the catalog is whole. Which of them were handed out is not
/// known.
pub(super) fn reserve(transaction: &WriteTransaction, ceiling: u64) -> Result<(), CatalogError> {
    put::reserve(transaction, &[(0, ceiling)])
}

/// Reserves the versions up to a number unless more are reserved.
pub(super) fn raise(transaction: &WriteTransaction, ceiling: u64) -> Result<(), CatalogError> {
    let reserved = transaction.open_table(NUMBERS)?.get(VERSION_CEILING)?.map_or(0, |ceiling| ceiling.value());
    reserve(transaction, reserved.max(ceiling))
}

#[cfg(test)]
mod tests {
    use crate::crypto::Version;
    use crate::store::tests::{Place, held, key};

    use super::*;

    #[test]
    fn no_packed_replica_is_larger_than_what_is_packed() {
        let place = Place::new();
        for (len, is_packed) in [(PACKED_BYTES_MAX + IV_BYTES, true), (PACKED_BYTES_MAX + IV_BYTES + 1, false)] {
            let sealed = vec![7; len];
            let record = held(place.seal(&key("a"), Version(1), &sealed));
            assert_eq!(is_replica(&sealed, &record), is_packed, "{len} bytes");
            assert!(!is_replica(&sealed[1..], &record));
        }
    }
}

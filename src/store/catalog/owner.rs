//! Whose catalog this is. A node with another identity can prove none of the own records, and would take all of them
//! for rotten; so a directory into which the identity of another node was put by mistake is refused as it is.

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

use super::read::{decode, exists};
use super::{Catalog, NUMBERS, OWN};
use crate::crypto::{Key, Keys, NodeId};
use crate::disk::Disk;
use crate::store::error::CatalogError;
use crate::store::record::OwnRecord;

/// The first eight bytes of the id of the node, as a number.
pub(super) const NODE: &str = "node";

/// How many own records of a catalog without the mark are looked at. Rot takes the proof of single ones.
const RECORDS_LOOKED_AT: usize = 64;

/// Notes whose catalog this is, in the transaction that makes it.
pub(super) fn mark(transaction: &WriteTransaction, node: NodeId) -> Result<(), CatalogError> {
    transaction.open_table(NUMBERS)?.insert(NODE, number(node))?;
    Ok(())
}

/// Compares the mark of a catalog with a node.
pub(super) fn check(marked: Option<u64>, node: NodeId) -> Result<(), CatalogError> {
    if marked.is_none_or(|marked| marked == number(node)) { Ok(()) } else { Err(CatalogError::OtherNode) }
}

fn number(node: NodeId) -> u64 {
    u64::from_be_bytes(*node.0.first_chunk().expect("an id has 32 bytes"))
}

impl<D: Disk> Catalog<D> {
    /// Refuses a catalog of another node. One that was made before there was a mark is given its mark, if it has no own
    /// records or some that this node can prove.
    pub(in crate::store) fn check_owner(&self) -> Result<(), CatalogError> {
        self.with(|database| {
            let numbers = exists(database.begin_read()?.open_table(NUMBERS))?;
            let marked = numbers.map(|table| table.get(NODE)).transpose()?.flatten().map(|marked| marked.value());
            if marked.is_some() {
                return check(marked, self.keys.node());
            }
            if let Some(own) = exists(database.begin_read()?.open_table(OWN))? {
                let records = own.iter()?.take(RECORDS_LOOKED_AT);
                let proved = records
                    .map(|record| record.map(|(key, record)| is_proved(&self.keys, key.value(), record.value())));
                let proved: Vec<bool> = proved.collect::<Result<_, _>>()?;
                if proved.len() > 1 && !proved.contains(&true) {
                    return Err(CatalogError::OtherNode);
                }
            }
            let transaction = database.begin_write()?;
            mark(&transaction, self.keys.node())?;
            Ok(transaction.commit()?)
        })
    }
}

fn is_proved(keys: &Keys, key: &str, record: &[u8]) -> bool {
    let (key, record) = (key.parse::<Key>(), decode::<OwnRecord>(record, "own"));
    matches!((key, record), (Ok(key), Ok(record)) if record.seal.is_authentic(keys, keys.replica_name(&key)))
}

#[cfg(test)]
mod tests {
    use redb::Database;

    use super::*;
    use crate::crypto::{MasterSecret, Version};
    use crate::store::layout::Layout;
    use crate::store::tests::{Place, key};
    use crate::store::{StorageError, Store};

    fn keys_of_another() -> Keys {
        Keys::derive(&MasterSecret([2; 32]))
    }

    fn assert_refused(place: &Place) {
        let opened = Store::open(place.disk.clone(), &keys_of_another()).map(drop);
        assert!(matches!(opened, Err(StorageError::Catalog(CatalogError::OtherNode))), "{opened:?}");
    }

    fn filled(layout: Layout) -> Place {
        let place = Place::new();
        let (store, _) = place.open(layout);
        for (text, version) in [("a", Version(1)), ("b", Version(2))] {
            store.commit(&[place.stored(&key(text), version, b"content")]).expect("a good disk");
        }
        place
    }

    #[test]
    fn a_directory_with_the_identity_of_another_node_is_refused_as_it_is() {
        let place = filled(Layout::Folders);
        assert_refused(&place);
        let (store, _) = place.open(Layout::Folders);
        let listed = store.list_proved(&place.keys, "", None, 2).expect("a good disk");
        assert_eq!(listed.len(), 2);
    }

    #[test]
    fn a_catalog_from_before_the_mark_is_known_by_its_records() {
        let place = filled(Layout::Folders);
        let unmark = || {
            let (store, _) = place.open(Layout::Folders);
            store.catalog.with(|database: &Database| {
                let transaction = database.begin_write()?;
                transaction.open_table(NUMBERS)?.remove(NODE)?;
                Ok(transaction.commit()?)
            })
        };
        unmark().expect("a good disk");
        assert_refused(&place);
        drop(place.open(Layout::Folders));
        assert_refused(&place);
    }
}

//! Whose catalog this is, and how the blobs beside it lie. A node with another identity can prove none of the own
//! records, and would take all of them for rotten; one that looks for the blobs in another layout would take all of
//! them for lost. So a directory into which the file `identity` or `layout` of another one was put, or that has lost
//! its `layout`, is refused, and nothing in it is lost.

use redb::{Key, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, Value, WriteTransaction};

use super::read::{decode, exists, parse_key};
use super::{Catalog, HELD, NUMBERS, OBJECTS, OWN};
use crate::crypto::{Keys, NodeId};
use crate::disk::Disk;
use crate::store::error::{CatalogError, StorageError};
use crate::store::layout::Layout;
use crate::store::record::OwnRecord;
use crate::store::setup::LayoutError;

/// The first eight bytes of the id of the node, as a number.
pub(super) const NODE: &str = "node";

/// The number of the layout.
pub(super) const LAYOUT: &str = "layout";

/// How many own records of a catalog without a mark are looked at. Rot takes the proof of single ones.
const RECORDS_LOOKED_AT: usize = 64;

/// Marks a catalog, in the transaction that makes it.
pub(super) fn mark(transaction: &WriteTransaction, node: NodeId, layout: Layout) -> Result<(), CatalogError> {
    let mut numbers = transaction.open_table(NUMBERS)?;
    numbers.insert(NODE, number(node))?;
    numbers.insert(LAYOUT, layout as u64)?;
    Ok(())
}

/// Marks a catalog as the damaged one was, in whose place it is made. Fails if that is of another node.
pub(super) fn take_over(
    transaction: &WriteTransaction,
    node: NodeId,
    (marked, layout): (Option<u64>, Option<u64>),
) -> Result<(), CatalogError> {
    if marked.is_some_and(|marked| marked != number(node)) {
        return Err(CatalogError::OtherNode);
    }
    if let Some(layout) = layout {
        transaction.open_table(NUMBERS)?.insert(LAYOUT, layout)?;
    }
    Ok(())
}

fn number(node: NodeId) -> u64 {
    u64::from_be_bytes(*node.0.first_chunk().expect("an id has 32 bytes"))
}

impl<D: Disk> Catalog<D> {
    /// Refuses a catalog of another node, unless there is nothing in it; and one without a mark whose own records are
    /// not this node's.
    pub(in crate::store) fn check_owner(&self) -> Result<(), CatalogError> {
        match self.number(NODE)? {
            Some(marked) if marked == number(self.keys.node()) => Ok(()),
            Some(_) if self.is_empty()? => self.mark_as_ours(),
            Some(_) => Err(CatalogError::OtherNode),
            None => match self.proofs()? {
                (_, 1..) => self.mark_as_ours(),
                (2.., 0) => Err(CatalogError::OtherNode),
                // Nothing shows whose it is.
                (_, 0) => Ok(()),
            },
        }
    }

    /// Refuses a layout in which the blobs do not lie, if there are any.
    pub(in crate::store) fn check_layout(&self, said: Layout) -> Result<(), StorageError> {
        let is_packed = match self.number(LAYOUT)? {
            Some(marked) => marked == Layout::Packed as u64,
            None => said == Layout::Packed || self.has_any(OBJECTS)?,
        };
        let blobs = if is_packed { Layout::Packed } else { Layout::Folders };
        match said == blobs {
            true => Ok(()),
            false if self.is_empty()? => Ok(self.mark_layout()?),
            false => Err(LayoutError::Mismatch { said, blobs }.into()),
        }
    }

    /// Notes that all blobs lie in the layout of this start. Durable on return.
    pub(in crate::store) fn mark_layout(&self) -> Result<(), CatalogError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            transaction.open_table(NUMBERS)?.insert(LAYOUT, self.layout as u64)?;
            Ok(transaction.commit()?)
        })
    }

    fn mark_as_ours(&self) -> Result<(), CatalogError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            mark(&transaction, self.keys.node(), self.layout)?;
            Ok(transaction.commit()?)
        })
    }

    /// Whether there is neither a file nor a deletion nor a replica.
    fn is_empty(&self) -> Result<bool, CatalogError> {
        Ok(self.count_own()? == (0, 0) && !self.has_any(HELD)?)
    }

    fn has_any<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<bool, CatalogError> {
        self.with(|database| {
            let entries = exists(database.begin_read()?.open_table(table))?;
            Ok(entries.map_or(Ok(true), |entries| entries.is_empty()).map(|is_empty| !is_empty)?)
        })
    }

    /// Returns how many own records were looked at, and how many of them this node can prove.
    fn proofs(&self) -> Result<(usize, usize), CatalogError> {
        self.with(|database| {
            let Some(own) = exists(database.begin_read()?.open_table(OWN))? else { return Ok((0, 0)) };
            let (mut looked_at, mut proved) = (0, 0);
            for entry in own.iter()?.take(RECORDS_LOOKED_AT) {
                let (key, record) = entry?;
                looked_at += 1;
                proved += usize::from(is_proved(&self.keys, key.value(), record.value()));
            }
            Ok((looked_at, proved))
        })
    }
}

fn is_proved(keys: &Keys, key: &str, record: &[u8]) -> bool {
    let (key, record) = (parse_key(key), decode::<OwnRecord>(record, "own files"));
    matches!((key, record), (Ok(key), Ok(record)) if record.seal.is_authentic(keys, keys.replica_name(&key)))
}

#[cfg(test)]
mod tests {
    use redb::Database;

    use super::*;
    use crate::crypto::{MasterSecret, Version};
    use crate::store::tests::{Place, held, key};
    use crate::store::{Change, Known, Setup, StorageError, Store, convert};
    use crate::time::UnixMillis;

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
    fn an_empty_directory_takes_the_identity_that_is_put_into_it() {
        let place = Place::new();
        drop(place.open(Layout::Folders));
        drop(Store::open(place.disk.clone(), &keys_of_another()).expect("there is nothing in it"));
        drop(place.open(Layout::Folders));
    }

    fn unmark(place: &Place, layout: Layout) {
        let (store, _) = place.open(layout);
        let unmarked = store.catalog.with(|database: &Database| {
            let transaction = database.begin_write()?;
            for mark in [NODE, LAYOUT] {
                transaction.open_table(NUMBERS)?.remove(mark)?;
            }
            Ok(transaction.commit()?)
        });
        unmarked.expect("a good disk");
    }

    #[test]
    fn a_catalog_from_before_the_marks_is_known_by_its_records() {
        let place = filled(Layout::Folders);
        unmark(&place, Layout::Folders);
        assert_refused(&place);
        drop(place.open(Layout::Folders));
        assert_refused(&place);
    }

    #[test]
    fn a_catalog_of_which_nothing_shows_whose_it_is_stays_without_a_mark() {
        let place = Place::new();
        drop(place.open(Layout::Folders));
        let (store, _) = place.open(Layout::Folders);
        let held = held(place.seal(&key("a"), Version(1), &[0; 64]));
        let (owner, name) = (NodeId([9; 32]), place.keys.replica_name(&key("a")));
        store.commit(&[Change::Held(owner, name, Box::new(Known::File(held)))]).expect("a good disk");
        drop(store);
        unmark(&place, Layout::Folders);
        drop(Store::open(place.disk.clone(), &keys_of_another()).expect("as before there were marks"));
        drop(place.open(Layout::Folders));
    }

    #[test]
    fn a_layout_in_which_the_blobs_do_not_lie_is_refused() {
        let all = [Layout::Folders, Layout::Packed];
        for (layout, other) in all.into_iter().zip(all.into_iter().rev()) {
            let place = filled(layout);
            let opened = Store::open_as(place.disk.clone(), &place.keys, Setup::Settled(other), Version(0));
            let error = opened.map(drop).expect_err("none is packed, but all of them would be");
            assert!(matches!(error, StorageError::Layout(LayoutError::Mismatch { blobs, .. }) if blobs == layout));
            drop(place.open(layout));
            for to in all {
                Setup::Settled(other).write(&place.disk).expect("a good disk");
                let converted = convert(&place.disk, &place.keys, to, UnixMillis(0), |_| {}).expect("a good disk");
                assert!(converted.is_some(), "its file is wrong");
                assert_eq!(Setup::read(&place.disk).expect("a good disk"), Setup::Settled(to));
                let (store, _) = place.open(to);
                assert_eq!(store.list_proved(&place.keys, "", None, 2).expect("a good disk").len(), 2);
                drop(store);
                convert(&place.disk, &place.keys, layout, UnixMillis(0), |_| {}).expect("a good disk");
            }
        }
    }
}

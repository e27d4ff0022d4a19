//! Why this catalog was made, kept in it until that is told. A start may fail after it has replaced a damaged catalog,
//! or be killed; the next one finds a good catalog, and has to tell all the same.

use std::sync::atomic::Ordering;

use redb::{ReadableDatabase, WriteTransaction};

use super::read::exists;
use super::salvage::Salvaged;
use super::{Catalog, NUMBERS, Origin};
use crate::disk::Disk;
use crate::store::error::CatalogError;

const LOST: &str = "untold: no catalog";
const OWN: &str = "untold: own salvaged";
const HELD: &str = "untold: held salvaged";
const LOST_PAGES: &str = "untold: lost pages";

/// Notes why a catalog is made, in the transaction that makes it.
pub(super) fn leave(transaction: &WriteTransaction, origin: Origin) -> Result<(), CatalogError> {
    let mut numbers = transaction.open_table(NUMBERS)?;
    match origin {
        Origin::Found => {}
        Origin::MadeForNone => {
            numbers.insert(LOST, 1)?;
        }
        Origin::MadeForDamaged(Salvaged { own, held, lost_pages }) => {
            for (name, number) in [(OWN, own), (HELD, held), (LOST_PAGES, lost_pages)] {
                numbers.insert(name, number)?;
            }
        }
    }
    Ok(())
}

impl<D: Disk> Catalog<D> {
    /// Returns why the catalog was made, if that was not told.
    pub(super) fn untold(&self) -> Result<Origin, CatalogError> {
        self.with(|database| {
            let Some(numbers) = exists(database.begin_read()?.open_table(NUMBERS))? else { return Ok(Origin::Found) };
            let number = |name| Ok::<_, CatalogError>(numbers.get(name)?.map(|number| number.value()));
            Ok(match (number(OWN)?, number(HELD)?, number(LOST_PAGES)?) {
                (Some(own), Some(held), Some(lost_pages)) => Origin::MadeForDamaged(Salvaged { own, held, lost_pages }),
                _ if number(LOST)?.is_some() => Origin::MadeForNone,
                _ => Origin::Found,
            })
        })
    }

    /// Notes that it was told why the catalog was made. Durable on return; does nothing if nothing was to be told.
    pub(in crate::store) fn forget_told(&self) -> Result<(), CatalogError> {
        if !self.has_untold.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let forgotten = self.with(|database| {
            let transaction = database.begin_write()?;
            let mut numbers = transaction.open_table(NUMBERS)?;
            for name in [LOST, OWN, HELD, LOST_PAGES] {
                numbers.remove(name)?;
            }
            drop(numbers);
            Ok(transaction.commit()?)
        });
        if forgotten.is_err() {
            self.has_untold.store(true, Ordering::Relaxed);
        }
        forgotten
    }
}

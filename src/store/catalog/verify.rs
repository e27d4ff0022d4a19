//! Compares the pages of the catalog with the checksums that they have of each other.

use std::io;

use redb::{Database, ReadableDatabase, TableHandle, WriteTransaction};

use super::pages::Found;
use super::panics::{abandon, close_reader, guarded};
use super::read::object_key;
use super::{Catalog, OBJECTS, pages};
use crate::disk::{Disk, DiskFile};
use crate::limits::CATALOG_VERIFIED_BYTES_MAX;
use crate::store::backend::Remains;
use crate::store::error::CatalogError;
use crate::store::layout::{self, BlobId};

impl<D: Disk> Catalog<D> {
    /// Reads every page of the file, but those with the bytes of small blobs, which their records prove. Each block has
    /// a checksum of its own, by which a read finds rot; but if a write never came to its place, the block there is an
    /// older one and whole, and only the page above it knows better. A damaged file is replaced by the next use.
    pub(in crate::store) fn verify(&self) -> Result<(), CatalogError> {
        // What a reader may read, no later commit changes. redb's own tables are read before there is one.
        let (snapshot, remains, is_system_whole) = self.with(|database| {
            let (transaction, remains) = self.written(database)?;
            let is_system_whole = pages::is_system_whole(&remains)?;
            let snapshot = database.begin_read()?;
            transaction.abort()?;
            Ok((snapshot, remains, is_system_whole))
        })?;
        // The database may be used meanwhile, also be closed and opened again, by which the snapshot ends early.
        let is_whole = is_system_whole && are_tables_whole(&remains)?;
        close_reader(snapshot);
        if is_whole {
            return Ok(());
        }
        // One look does not condemn the file: nothing changes it during the second.
        self.with(|database| self.verify_alone(database, u64::MAX))
    }

    /// Returns the bytes of a small blob as they lie in the file, if they lie in it. The database would give what it
    /// remembers of them, until its next start.
    pub(in crate::store) fn object_in_file(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, CatalogError> {
        let key = object_key(blob);
        // What a reader may read, no later commit changes.
        let (snapshot, remains) = self.with(|database| {
            let (transaction, remains) = self.written(database)?;
            let snapshot = database.begin_read()?;
            transaction.abort()?;
            Ok((snapshot, remains))
        })?;
        let found = pages::find(&remains, OBJECTS.name(), &key);
        close_reader(snapshot);
        match found? {
            Found::Value(bytes) => Ok(Some(bytes)),
            Found::Nothing => Ok(None),
            // One look does not condemn the file.
            Found::Lost => self.with(|database| {
                let (_transaction, remains) = self.written(database)?;
                match pages::find(&remains, OBJECTS.name(), &key)? {
                    Found::Value(bytes) => Ok(Some(bytes)),
                    Found::Nothing => Ok(None),
                    Found::Lost => Err(stale()),
                }
            }),
        }
    }

    /// Returns a database that was just opened if no page of it is an older one: of redb's own tables, which say what
    /// of the file is free, and if the file is not too large for a start to wait, of all others. After a clean end redb
    /// believes each page that is whole. A commit could write over pages that are in use then, or lead redb into a
    /// panic within a panic, which ends the process.
    pub(super) fn verified(&self, database: Database) -> Result<Database, CatalogError> {
        match guarded(|| self.verify_alone(&database, CATALOG_VERIFIED_BYTES_MAX)) {
            Ok(()) => Ok(database),
            Err(error) => {
                abandon(Some(database), &error);
                Err(error)
            }
        }
    }

    /// Reads every page while no commit can be made; if the file is longer than `bytes_max`, only those of redb's own
    /// tables.
    fn verify_alone(&self, database: &Database, bytes_max: u64) -> Result<(), CatalogError> {
        let (_transaction, remains) = self.written(database)?;
        let is_large = remains.len()? > bytes_max;
        let is_whole = pages::is_system_whole(&remains)? && (is_large || are_tables_whole(&remains)?);
        if is_whole { Ok(()) } else { Err(stale()) }
    }

    /// Returns the file, with the header of the last commit, and a transaction that keeps others from changing it.
    fn written(&self, database: &Database) -> Result<(WriteTransaction, Remains<D::File>), CatalogError> {
        let transaction = database.begin_write()?;
        if let Some(remains) = self.remains()? {
            return Ok((transaction, remains));
        }
        // The header did not come to its place, and nobody but redb knows it. The next one takes the other place.
        transaction.commit()?;
        let transaction = database.begin_write()?;
        Ok((transaction, self.remains()?.ok_or_else(stale)?))
    }

    /// Returns the file if its header is that of the last commit.
    fn remains(&self) -> Result<Option<Remains<D::File>>, CatalogError> {
        let remains = Remains::of(self.disk.open(&layout::catalog())?)?;
        Ok(remains.filter(|remains| remains.is_newest(&self.switches)))
    }
}

fn are_tables_whole<F: DiskFile>(remains: &Remains<F>) -> io::Result<bool> {
    pages::is_whole(remains, |table| table == OBJECTS.name())
}

fn stale() -> CatalogError {
    redb::StorageError::Corrupted("a page is not the one that was written last".into()).into()
}

//! The catalog: a `redb` database that says what every blob must be. A commit is durable when it returns. Keeping the
//! blobs themselves is left to `blobs`, except small ones if the layout packs them.

mod put;
mod read;
mod summaries;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Database, ReadableDatabase, TableDefinition};

use super::backend::{Backend, write_again};
use super::error::{CatalogError, StorageError, failed};
use super::layout::{self, BlobId};
use super::record::Change;
use crate::crypto::{NodeId, ReplicaName, Version};
use crate::disk::{Disk, DiskFile};
use crate::limits::CATALOG_CACHE_BYTES;
use summaries::Summaries;

pub(super) use read::next_name;

// The names of the tables are part of the format of the catalog, even if the code uses other words.

/// Own files by key.
const OWN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("own files v1");
/// The keys of own files by their replica names.
const OWN_NAMES: TableDefinition<'_, &[u8; 16], &str> = TableDefinition::new("own names v1");
/// Own files that are deleted everywhere, by their replica names.
const OWN_TOMBSTONES: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("own graves v1");
/// The names of the local copies of deleted files, by their replica names: a crash may leave a local copy behind.
const OWN_TOMBSTONE_NAMES: TableDefinition<'_, &[u8; 16], &[u8; 20]> = TableDefinition::new("own grave names v1");
/// Held replicas by owner and replica name.
const HELD: TableDefinition<'_, &[u8; 48], &[u8]> = TableDefinition::new("held replicas v1");
/// The bytes of small blobs, if the layout packs them.
const OBJECTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("objects v1");
/// Single numbers by name.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers v1");
const VERSION_CEILING: &str = "version ceiling";
/// The last version of each reserved range, by its first.
const VERSION_RANGES: TableDefinition<'_, u64, u64> = TableDefinition::new("version ranges v1");

/// How a start came by its catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// There was a catalog.
    #[default]
    Found,
    /// There was no catalog, and an empty one was made.
    MadeForNone,
    /// There was a damaged catalog; it was set aside, and an empty one was made.
    MadeForDamaged,
}

pub(super) struct Catalog<D: Disk> {
    disk: D,
    /// `None` between a failure and the next use.
    database: RwLock<Option<Database>>,
    /// Whether a sync has failed since the whole file was written.
    is_doubtful: Arc<AtomicBool>,
    /// Locked while a commit is made, so that no summary misses it.
    summaries: Mutex<Summaries>,
}

impl<D: Disk> Catalog<D> {
    /// Opens the catalog, or makes an empty one whose versions go on above `above`, and returns which. A file that is
    /// no catalog is set aside. If the disk fails, nothing is changed.
    pub(super) fn open(disk: &D, above: Version) -> Result<(Self, Origin), StorageError> {
        let exists = |path| match disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            opened => opened.map(|_| true).map_err(failed("open", &path)),
        };
        let mut origin = Origin::Found;
        if !exists(layout::catalog())? {
            create(disk, above)?;
            origin = Origin::MadeForNone;
        }
        let catalog = Self {
            disk: disk.clone(),
            database: RwLock::default(),
            is_doubtful: Arc::new(AtomicBool::new(exists(layout::catalog_doubtful())?)),
            summaries: Mutex::default(),
        };
        let database = match catalog.reopen().and_then(not_blank) {
            Err(error) if error.is_damage() => {
                set_aside(disk)?;
                create(disk, above)?;
                origin = Origin::MadeForDamaged;
                catalog.reopen()?
            }
            opened => opened?,
        };
        *catalog.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok((catalog, origin))
    }

    /// Works on the database. After a disk error the database refuses everything until it is opened again: the next use
    /// does so, and finds what is in the file.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        let is_open = self.database.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_open {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_none() {
                *database = Some(self.reopen()?);
            }
        }
        let result = match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => work(database),
            // Another caller has failed meanwhile.
            None => Err(redb::StorageError::PreviousIo.into()),
        };
        if let Err(CatalogError::Database(error)) = &result
            && matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
        {
            // Closed before it is opened again, so that two databases never share the file.
            drop(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
            self.mark_if_doubtful();
        }
        result
    }

    /// Opens the existing file, after making sure that all of it is as durable as it reads.
    fn reopen(&self) -> Result<Database, CatalogError> {
        let file = self.disk.open(&layout::catalog()).map_err(redb::StorageError::Io)?;
        if self.is_doubtful.load(Ordering::Relaxed) {
            write_again(&file).map_err(redb::StorageError::Io)?;
            match self.disk.remove(&layout::catalog_doubtful()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(redb::StorageError::Io(error).into());
                }
                _ => self.is_doubtful.store(false, Ordering::Relaxed),
            }
        }
        let opened = open(file, &self.is_doubtful);
        self.mark_if_doubtful();
        opened
    }

    /// Leaves a mark for a start after a kill, if a sync has failed. The mark need not outlive a power loss, because
    /// that takes the doubtful bytes with it.
    fn mark_if_doubtful(&self) {
        if self.is_doubtful.load(Ordering::Relaxed) {
            // The mark may be there already. If it cannot be made, and the process is killed before the file is written
            // again, the next start has only the disk's word for what is durable.
            drop(self.disk.create(&layout::catalog_doubtful()));
        }
    }

    /// Makes groups of changes durable, all or none; after an error nobody knows which. Returns for each group whether
    /// it was made: a group is left out as a whole if the catalog has a newer version of a changed name, or another
    /// entry under the same version.
    pub(super) fn commit(&self, groups: &[&[Change]]) -> Result<Vec<bool>, CatalogError> {
        let mut summaries = super::lock(&self.summaries);
        let mut steps = Vec::new();
        let committed = self.with(|database| {
            let transaction = database.begin_write()?;
            let applied: Result<Vec<_>, _> =
                groups.iter().map(|group| put::group(&transaction, group, &mut steps)).collect();
            let applied = applied?;
            transaction.commit()?;
            Ok(applied)
        });
        summaries.follow(committed.is_ok().then_some(steps));
        committed
    }
}

impl<D: Disk> Drop for Catalog<D> {
    fn drop(&mut self) {
        drop(self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        self.mark_if_doubtful();
    }
}

/// Makes an empty catalog under a temporary name and renames it. So a crash leaves no half-made database, and none that
/// does not know above which version to go on and would hand out versions again.
fn create(disk: &impl Disk, above: Version) -> Result<(), StorageError> {
    let temporary = layout::catalog_temporary();
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &temporary)(error)),
        _ => {}
    }
    let file = disk.create(&temporary).map_err(failed("create", &temporary))?;
    let is_doubtful = Arc::default();
    let database = open(file, &is_doubtful)?;
    begin_above(&database, above)?;
    // Closing the database writes once more, and reports no failure.
    drop(database);
    if is_doubtful.load(Ordering::Relaxed) {
        let reason = io::Error::other("it could not be closed");
        return Err(failed("sync", &temporary)(reason));
    }
    disk.rename(&temporary, &layout::catalog()).map_err(failed("rename", &temporary))
}

/// Keeps a damaged catalog for people to look at, in place of an earlier damaged one.
fn set_aside(disk: &impl Disk) -> Result<(), StorageError> {
    let folder = layout::quarantine_dir();
    match disk.make_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed("create", &folder)(error)),
        _ => {}
    }
    let path = layout::catalog();
    disk.rename(&path, &layout::quarantined_catalog()).map_err(failed("rename", &path))
}

/// Refuses a database without tables: a file that was emptied opens as one. A catalog has its ceiling from the first
/// moment on.
fn not_blank(database: Database) -> Result<Database, CatalogError> {
    let is_blank = database.begin_read()?.list_tables()?.next().is_none();
    if is_blank { Err(CatalogError::Record { table: "numbers" }) } else { Ok(database) }
}

fn begin_above(database: &Database, above: Version) -> Result<(), CatalogError> {
    let transaction = database.begin_write()?;
    transaction.open_table(NUMBERS)?.insert(VERSION_CEILING, above.0)?;
    // Which numbers were handed out before is not known.
    transaction.open_table(VERSION_RANGES)?.insert(0, above.0)?;
    Ok(transaction.commit()?)
}

fn open<F: DiskFile>(file: F, is_doubtful: &Arc<AtomicBool>) -> Result<Database, CatalogError> {
    let backend = Backend { file, is_doubtful: is_doubtful.clone() };
    Ok(Database::builder().set_cache_size(CATALOG_CACHE_BYTES).create_with_backend(backend)?)
}

fn held_key(owner: NodeId, replica_name: ReplicaName) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(&owner.0);
    key[32..].copy_from_slice(&replica_name.0);
    key
}

/// Returns the key of a blob's bytes: 20 bytes for an own file, 48 for a replica.
fn object_key(blob: &BlobId) -> Vec<u8> {
    match blob {
        BlobId::Own(name) => name.0.to_vec(),
        BlobId::Held(owner, replica_name) => held_key(*owner, *replica_name).to_vec(),
    }
}

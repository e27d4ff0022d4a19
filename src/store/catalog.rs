//! The catalog: a `redb` database that says what every blob must be. A commit is durable when it returns.

use std::io;
use std::sync::{PoisonError, RwLock};

use redb::{Database, ReadableDatabase, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::backend::Backend;
use super::{StoreError, failed, layout};
use crate::crypto::{HashedKey, Iv, Key, NodeId, Seal};
use crate::disk::{Disk, DiskFile};
use crate::limits::CATALOG_CACHE_BYTES;
use crate::time::UnixMillis;

/// Own files by key.
const OWN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("own files v1");
/// Held replicas by owner and hashed key.
const HELD: TableDefinition<'_, [u8; 48], &[u8]> = TableDefinition::new("held replicas v1");
/// Single numbers by name.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers v1");
const VERSION_CEILING: &str = "version ceiling";

/// A file of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRecord {
    /// What every replica of it must be.
    pub seal: Seal,
    /// The IV of its replicas; with it the plaintext is checked against the seal.
    pub iv: Iv,
    /// When it was stored.
    pub modified: UnixMillis,
}

/// A replica that this node holds for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// What the replica must be.
    pub seal: Seal,
    /// When it was stored here.
    pub stored: UnixMillis,
}

/// One change of the catalog.
#[derive(Clone, Debug)]
pub enum Change {
    /// An own file has a new version.
    Own(Key, Box<OwnRecord>),
    /// A replica has a new version.
    Held(NodeId, HashedKey, Box<HeldRecord>),
    /// No version above this number has been handed out.
    VersionCeiling(u64),
}

/// Why the catalog could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database refused or its file could not be read or written.
    #[error("the catalog failed: {0}")]
    Database(#[source] Box<redb::Error>),
    /// A record does not decode: the file was changed by something else.
    #[error("the catalog has a record that does not decode, in table {table:?}")]
    Record {
        /// The table.
        table: &'static str,
    },
}

impl CatalogError {
    pub(super) fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Database(error) => match &**error {
                redb::Error::Io(error) => Some(error.kind()),
                _ => None,
            },
            Self::Record { .. } => None,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for CatalogError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

pub(super) struct Catalog<D> {
    disk: D,
    /// None between a failure and the next use.
    database: RwLock<Option<Database>>,
}

impl<D: Disk> Catalog<D> {
    /// Opens the catalog, or makes an empty one.
    pub(super) fn open(disk: &D) -> Result<Self, StoreError> {
        let path = layout::catalog();
        let database = match disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(disk)?,
            opened => open(opened.map_err(failed("open", &path))?)?,
        };
        Ok(Self { disk: disk.clone(), database: RwLock::new(Some(database)) })
    }

    /// Works on the database. After an error of the disk the database refuses everything until it is opened again:
    /// the next use does so, and finds what is in the file.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        let is_open = self.database.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_open {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_none() {
                let file = self.disk.open(&layout::catalog()).map_err(redb::StorageError::Io)?;
                *database = Some(open(file)?);
            }
        }
        let result = match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => work(database),
            // Another caller has failed in between.
            None => Err(redb::StorageError::PreviousIo.into()),
        };
        if let Err(CatalogError::Database(error)) = &result
            && matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
        {
            // Closed before it is opened again: two databases never share the file.
            drop(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
        }
        result
    }

    pub(super) fn commit(&self, changes: &[Change]) -> Result<(), CatalogError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            for change in changes {
                match change {
                    Change::Own(key, record) => {
                        transaction.open_table(OWN)?.insert(key.as_str(), encode(record).as_slice())?;
                    }
                    Change::Held(owner, hashed, record) => {
                        transaction.open_table(HELD)?.insert(held_key(*owner, *hashed), encode(record).as_slice())?;
                    }
                    Change::VersionCeiling(ceiling) => {
                        transaction.open_table(NUMBERS)?.insert(VERSION_CEILING, ceiling)?;
                    }
                }
            }
            Ok(transaction.commit()?)
        })
    }

    pub(super) fn version_ceiling(&self) -> Result<u64, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(NUMBERS))? else { return Ok(0) };
            Ok(table.get(VERSION_CEILING)?.map_or(0, |ceiling| ceiling.value()))
        })
    }

    pub(super) fn own(&self, key: &Key) -> Result<Option<OwnRecord>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN))? else { return Ok(None) };
            let Some(record) = table.get(key.as_str())? else { return Ok(None) };
            decode(record.value(), "own files").map(Some)
        })
    }

    pub(super) fn list_own(&self, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, OwnRecord)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(OWN))? else { return Ok(Vec::new()) };
            // No key is the empty text, so the range from there on is the whole table.
            let start = after.map_or("", Key::as_str);
            let range = table.range(start..)?.filter(|entry| match entry {
                Ok((key, _)) => key.value() != start,
                Err(_) => true,
            });
            range
                .take(limit)
                .map(|entry| {
                    let (key, record) = entry?;
                    let key = key.value().parse().map_err(|_| CatalogError::Record { table: "own files" })?;
                    Ok((key, decode(record.value(), "own files")?))
                })
                .collect()
        })
    }

    pub(super) fn held(&self, owner: NodeId, hashed: HashedKey) -> Result<Option<HeldRecord>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(HELD))? else { return Ok(None) };
            let Some(record) = table.get(held_key(owner, hashed))? else { return Ok(None) };
            decode(record.value(), "held replicas").map(Some)
        })
    }

    pub(super) fn list_held(
        &self,
        after: Option<(NodeId, HashedKey)>,
        limit: usize,
    ) -> Result<Vec<(NodeId, HashedKey, HeldRecord)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(HELD))? else { return Ok(Vec::new()) };
            let after = after.map(|(owner, hashed)| held_key(owner, hashed));
            let range = table.range(after.unwrap_or([0; 48])..)?.filter(|entry| match entry {
                Ok((key, _)) => Some(key.value()) != after,
                Err(_) => true,
            });
            range
                .take(limit)
                .map(|entry| {
                    let (key, record) = entry?;
                    let (owner, hashed) = split_held_key(&key.value());
                    Ok((owner, hashed, decode(record.value(), "held replicas")?))
                })
                .collect()
        })
    }
}

/// Makes an empty catalog under another name first: a database that a crash leaves half made is not one.
fn create(disk: &impl Disk) -> Result<Database, StoreError> {
    let temporary = layout::catalog_temporary();
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &temporary)(error)),
        _ => {}
    }
    let database = open(disk.create(&temporary).map_err(failed("create", &temporary))?)?;
    disk.rename(&temporary, &layout::catalog()).map_err(failed("rename", &temporary))?;
    Ok(database)
}

fn open<F: DiskFile>(file: F) -> Result<Database, CatalogError> {
    Ok(Database::builder().set_cache_size(CATALOG_CACHE_BYTES).create_with_backend(Backend(file))?)
}

/// A table that no commit has made yet is an empty one.
fn exists<T>(table: Result<T, redb::TableError>) -> Result<Option<T>, CatalogError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn held_key(owner: NodeId, hashed: HashedKey) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(&owner.0);
    key[32..].copy_from_slice(&hashed.0);
    key
}

fn split_held_key(key: &[u8; 48]) -> (NodeId, HashedKey) {
    let (owner, hashed) = key.split_first_chunk().expect("48 bytes have a first 32");
    (NodeId(*owner), HashedKey(hashed.try_into().expect("and a last 16")))
}

fn encode(record: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(record).expect("every record encodes")
}

fn decode<T: DeserializeOwned>(bytes: &[u8], table: &'static str) -> Result<T, CatalogError> {
    postcard::from_bytes(bytes).map_err(|_| CatalogError::Record { table })
}

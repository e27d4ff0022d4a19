//! The catalog: a `redb` database that says what every blob must be. A commit is durable when it returns. Keeping the
//! blobs themselves is left to `blobs`, except small ones if the layout packs them.

mod compact;
mod copies;
mod deletions;
mod file;
mod marks;
mod numbers;
mod page;
mod pages;
mod panics;
mod peers;
mod put;
mod read;
mod salvage;
mod summaries;
mod untold;
mod verify;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use redb::{Database, TableDefinition};

use super::backend::{Backend, Switches, write_again};
use super::error::{CatalogError, StorageError, twice};
use super::layout::{self, Layout};
use super::record::Change;
use crate::crypto::{Keys, Version};
use crate::disk::Disk;
use panics::{abandon, close, guarded};
use summaries::{StepOf, Summaries};

pub(super) use read::next_name;
pub use salvage::Salvaged;

// The names of the tables are part of the format of the catalog, even if the code uses other words.

/// Own files by key.
const OWN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("own files v1");
/// The keys of own files by their replica names.
const OWN_NAMES: TableDefinition<'_, &[u8; 16], &str> = TableDefinition::new("own names v1");
/// Own files that are deleted everywhere, by their replica names.
const OWN_TOMBSTONES: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("own graves v1");
/// The names of the local copies of deleted files, by their replica names: a crash may leave a local copy behind.
const OWN_TOMBSTONE_NAMES: TableDefinition<'_, &[u8; 16], &[u8; 20]> = TableDefinition::new("own grave names v1");
/// The versions of which local copies are to be here, by the names of the copies.
const COPIES: TableDefinition<'_, &[u8; 20], u64> = TableDefinition::new("own copies v1");
/// Held replicas by owner and replica name.
const HELD: TableDefinition<'_, &[u8; 48], &[u8]> = TableDefinition::new("held replicas v1");
/// The bytes of small blobs, if the layout packs them.
const OBJECTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("objects v1");
/// How many names the owners of held replicas have, by owner.
const COUNTS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("name counts v1");
/// The addresses at which peers that were connected are dialled, by their ids; empty for one that is not dialled.
const PEERS: TableDefinition<'_, &[u8; 32], &str> = TableDefinition::new("peers v1");
/// Single numbers by name.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers v1");
const VERSION_CEILING: &str = "version ceiling";
/// The last version of each reserved range, by its first.
const VERSION_RANGES: TableDefinition<'_, u64, u64> = TableDefinition::new("version ranges v1");
/// How far scrubs have come.
const SCRUB: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("scrub v1");
const SCRUB_STATE: &str = "state";
/// How far deletions are forgotten.
const FORGETTING: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("forgotten deletions v1");
const FORGETTING_STATE: &str = "state";

/// How a start came by its catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// There was a catalog.
    #[default]
    Found,
    /// There was no catalog, and an empty one was made.
    MadeForNone,
    /// There was a damaged catalog; it was set aside, and one was made of what could be salvaged.
    MadeForDamaged(Salvaged),
}

/// How far the replacement of a damaged file has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Damage {
    #[default]
    None,
    /// The next use makes a new file.
    Found,
    /// The new file is whole; the next use puts it in the place of the damaged one.
    Renewed(Salvaged),
}

impl Damage {
    fn find(&mut self) {
        if *self == Self::None {
            *self = Self::Found;
        }
    }
}

pub(super) struct Catalog<D: Disk> {
    disk: D,
    /// Proves own records, if a damaged catalog is salvaged.
    keys: Keys,
    /// How blobs lie beside a catalog that is made.
    layout: Layout,
    /// `None` between a failure and the next use.
    database: RwLock<Option<Database>>,
    /// How many damaged catalogs were replaced while this one was open.
    generation: AtomicU64,
    /// How far the file is replaced, if it was found damaged.
    damage: Mutex<Damage>,
    /// No version above this one was handed out.
    ceiling: AtomicU64,
    /// What was salvaged while the catalog was open, and was not told.
    salvaged: Mutex<Option<Salvaged>>,
    /// Whether the file says why it was made, because that was perhaps not told.
    has_untold: AtomicBool,
    switches: Switches,
    /// Locked while a commit is made, so that no summary misses it.
    summaries: Mutex<Summaries>,
}

impl<D: Disk> Catalog<D> {
    /// Opens the catalog, or makes one whose versions go on above `above`, and returns which. A damaged file is set
    /// aside, and what can be salvaged of it is in the new one. If the disk fails, nothing is changed.
    pub(super) fn open(
        disk: &D,
        (keys, layout): (&Keys, Layout),
        above: Version,
    ) -> Result<(Self, Origin), StorageError> {
        let origin = file::prepare(disk, (keys, layout), above)?;
        let catalog = Self {
            disk: disk.clone(),
            keys: keys.clone(),
            layout,
            database: RwLock::default(),
            generation: AtomicU64::new(0),
            damage: Mutex::default(),
            ceiling: AtomicU64::new(above.0),
            salvaged: Mutex::default(),
            has_untold: AtomicBool::default(),
            switches: Switches::default(),
            summaries: Mutex::default(),
        };
        let is_doubtful = file::exists(disk, &layout::catalog_doubtful())?;
        catalog.switches.is_doubtful.store(is_doubtful, Ordering::Relaxed);
        let opened = file::to_checked(disk).and_then(|()| catalog.reopen()).and_then(file::not_blank);
        let (database, origin) = match opened {
            Err(error) if error.is_damage() => {
                let salvaged = file::renew(disk, (keys, layout), above)?;
                file::put_in_place(disk)?;
                (catalog.reopen()?, Origin::MadeForDamaged(salvaged))
            }
            opened => (opened?, origin),
        };
        *catalog.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        let (ceiling, untold) = twice(|| Ok((catalog.version_ceiling()?, catalog.untold()?)))?;
        catalog.ceiling.fetch_max(ceiling, Ordering::Relaxed);
        catalog.has_untold.store(untold != Origin::Found, Ordering::Relaxed);
        Ok((catalog, if untold == Origin::Found { origin } else { untold }))
    }

    /// Works on the database. After a disk error the database refuses everything until it is opened again: the next use
    /// does so, and finds what is in the file. If the file is damaged, the next use finds a new one in its place, with
    /// what could be salvaged.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        let is_open = self.database.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_open {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_none() {
                *database = Some(self.reopen_or_renew()?);
            }
        }
        let (generation, result) = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let result = match &*database {
                Some(database) => guarded(|| work(database)),
                // Another caller has failed meanwhile.
                None => Err(redb::StorageError::PreviousIo.into()),
            };
            (self.generation(), result)
        };
        if let Err(error) = &result
            && error.ends_database()
        {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            // Given up before it is opened again, so that two databases never share the file.
            abandon(database.take(), error);
            self.mark_if_doubtful();
            if error.is_damage() && self.generation() == generation {
                super::lock(&self.damage).find();
            }
        }
        result
    }

    fn reopen_or_renew(&self) -> Result<Database, CatalogError> {
        let mut damage = super::lock(&self.damage);
        if *damage == Damage::None {
            match self.reopen() {
                Err(error) if error.is_damage() => *damage = Damage::Found,
                opened => return opened,
            }
        }
        let salvaged = self.replace(&mut damage).map_err(|error| CatalogError::not_renewed(&error))?;
        *damage = Damage::None;
        self.generation.fetch_add(1, Ordering::Relaxed);
        *super::lock(&self.salvaged) = Some(salvaged);
        self.has_untold.store(true, Ordering::Relaxed);
        self.reopen()
    }

    /// Goes on with the replacement of a damaged file where the last attempt has failed.
    fn replace(&self, damage: &mut Damage) -> Result<Salvaged, StorageError> {
        let salvaged = match *damage {
            Damage::Renewed(salvaged) => salvaged,
            Damage::None | Damage::Found => {
                let above = Version(self.ceiling.load(Ordering::Relaxed));
                file::renew(&self.disk, (&self.keys, self.layout), above)?
            }
        };
        *damage = Damage::Renewed(salvaged);
        file::put_in_place(&self.disk)?;
        Ok(salvaged)
    }

    /// Changes with each catalog that takes the place of a damaged one.
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Returns what was salvaged since the last call, if a damaged catalog was replaced.
    pub(super) fn take_salvaged(&self) -> Option<Salvaged> {
        super::lock(&self.salvaged).take()
    }

    /// Opens the existing file, after making sure that all of it is as durable as it reads.
    fn reopen(&self) -> Result<Database, CatalogError> {
        let file = self.disk.open(&layout::catalog())?;
        let is_doubtful = &self.switches.is_doubtful;
        if is_doubtful.load(Ordering::Relaxed) {
            write_again(&file)?;
            match self.disk.remove(&layout::catalog_doubtful()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => is_doubtful.store(false, Ordering::Relaxed),
            }
        }
        let opened = Backend::open(file, &self.switches)
            .map_err(CatalogError::from)
            .and_then(|backend| file::database(backend, &self.switches));
        self.mark_if_doubtful();
        opened.and_then(|database| self.verified(database))
    }

    /// Leaves a mark for a start after a kill, if a sync has failed. The mark need not outlive a power loss, because
    /// that takes the doubtful bytes with it.
    fn mark_if_doubtful(&self) {
        if self.switches.is_doubtful.load(Ordering::Relaxed) {
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
        let (mut steps, mut committed) = self.try_commit(groups);
        if committed.as_ref().is_err_and(CatalogError::is_damage) {
            // A new catalog takes the place of a damaged one. What was durable of these changes is in it.
            (steps, committed) = self.try_commit(groups);
        }
        // If the catalog was replaced meanwhile, the summaries are those of the damaged one.
        let is_followed = committed.is_ok() && summaries.is_of(self.generation());
        summaries.follow(is_followed.then_some(steps));
        if committed.is_ok() {
            for change in groups.iter().copied().flatten() {
                let ceiling = match change {
                    Change::VersionCeiling(ceiling) => *ceiling,
                    Change::VersionsReserved(ranges) => ranges.last().map_or(0, |(_, last)| *last),
                    _ => continue,
                };
                self.ceiling.fetch_max(ceiling, Ordering::Relaxed);
            }
        }
        committed
    }

    fn try_commit(&self, groups: &[&[Change]]) -> (Vec<StepOf>, Result<Vec<bool>, CatalogError>) {
        let mut steps = Vec::new();
        let committed = self.with(|database| {
            let transaction = database.begin_write()?;
            let applied: Result<Vec<_>, _> =
                groups.iter().map(|group| put::group(&transaction, group, &mut steps)).collect();
            let applied = applied?;
            transaction.commit()?;
            Ok(applied)
        });
        (steps, committed)
    }
}

impl<D: Disk> Drop for Catalog<D> {
    fn drop(&mut self) {
        close(self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        self.mark_if_doubtful();
    }
}

#[cfg(test)]
mod tests;

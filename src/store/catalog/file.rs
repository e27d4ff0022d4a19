//! The file of the catalog: made, given checksums if an older version has made it, and replaced if it is damaged. Each
//! new file is whole before it gets the catalog's name, so that a crash leaves the old one or the new one.

use std::io;

use redb::{Database, ReadableDatabase};

use super::marks;
use super::panics::{abandon, close, guarded};
use super::salvage::{self, Salvaged};
use super::untold;
use crate::crypto::{Keys, Version};
use crate::disk::{Disk, DiskFile, DiskPath};
use crate::limits::{CATALOG_CACHE_BYTES, QUARANTINE_CATALOGS_MAX};
use crate::store::backend::{Backend, FileForm, Remains, Switches, add_checks, form_of};
use crate::store::error::{CatalogError, StorageError, failed};
use crate::store::layout::{self, BlobId, Layout};
use crate::store::obstacles;

use super::Origin;

/// Ensures that there is a file of the catalog's name. Its versions go on above `above` if it is made here.
pub(super) fn prepare(disk: &impl Disk, of: (&Keys, Layout), above: Version) -> Result<Origin, StorageError> {
    if exists(disk, &layout::catalog())? {
        // What an interrupted replacement has left: it is made again.
        remove(disk, &layout::catalog_temporary())?;
        return Ok(Origin::Found);
    }
    // A start that was killed after it had set a damaged catalog aside has left the new one.
    if !take_whole(disk, above)? {
        create(disk, of, above)?;
    }
    Ok(Origin::MadeForNone)
}

pub(super) fn exists(disk: &impl Disk, path: &DiskPath) -> Result<bool, StorageError> {
    match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        opened => opened.map(|_| true).map_err(failed("open", path)),
    }
}

fn remove(disk: &impl Disk, path: &DiskPath) -> Result<(), StorageError> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes an empty catalog under a temporary name and renames it. So a crash leaves no half-made database, and none that
/// does not know above which version to go on and would hand out versions again.
fn create(disk: &impl Disk, (keys, layout): (&Keys, Layout), above: Version) -> Result<(), StorageError> {
    // A new directory has nothing above which its versions go on, and nothing to tell.
    let origin = if above == Version(0) { Origin::Found } else { Origin::MadeForNone };
    make(disk, |transaction| {
        untold::leave(transaction, origin)?;
        marks::mark(transaction, keys.node(), layout)?;
        salvage::reserve(transaction, above.0)
    })?;
    rename_new(disk)
}

/// Takes a whole catalog that lies under the temporary name; returns false if there is none.
fn take_whole(disk: &impl Disk, above: Version) -> Result<bool, StorageError> {
    let path = layout::catalog_temporary();
    let file = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(failed("open", &path))?,
    };
    let switches = Switches::default();
    let opened = Backend::open(file, &switches).map_err(CatalogError::from);
    let opened = opened.and_then(|backend| database(backend, &switches)).and_then(not_blank);
    match opened {
        Err(error) if error.is_damage() => return Ok(false),
        Err(error) => return Err(error.into()),
        Ok(database) => finish(database, &switches, &path, |transaction| salvage::raise(transaction, above.0))?,
    }
    rename_new(disk)?;
    Ok(true)
}

/// Makes a database under the temporary name, in one transaction. Durable on return.
fn make<T>(
    disk: &impl Disk,
    fill: impl FnOnce(&redb::WriteTransaction) -> Result<T, CatalogError>,
) -> Result<T, StorageError> {
    let path = layout::catalog_temporary();
    remove(disk, &path)?;
    let file = disk.create(&path).map_err(failed("create", &path))?;
    let switches = Switches::default();
    let database = database(Backend::create(file, &switches).map_err(failed("write", &path))?, &switches)?;
    finish(database, &switches, &path, fill)
}

/// Commits to the last transaction of a database, and closes it.
fn finish<T>(
    database: Database,
    switches: &Switches,
    path: &DiskPath,
    fill: impl FnOnce(&redb::WriteTransaction) -> Result<T, CatalogError>,
) -> Result<T, StorageError> {
    let filled = guarded(|| {
        let transaction = database.begin_write()?;
        let filled = fill(&transaction)?;
        transaction.commit()?;
        Ok(filled)
    });
    // Closing the database writes once more, and reports no failure.
    close(Some(database));
    let filled = filled?;
    if switches.is_doubtful() {
        let reason = io::Error::other("it could not be closed");
        return Err(failed("sync", path)(reason));
    }
    Ok(filled)
}

fn rename_new(disk: &impl Disk) -> Result<(), StorageError> {
    let path = layout::catalog_temporary();
    disk.rename(&path, &layout::catalog()).map_err(failed("rename", &path))
}

/// Gives a catalog checksums if it was made without. The file stays what it was until the new one is whole and redb has
/// compared each of its pages with redb's own checksums.
pub(super) fn to_checked(disk: &impl Disk) -> Result<(), CatalogError> {
    let plain = disk.open(&layout::catalog())?;
    if form_of(&plain)? == FileForm::Checked {
        return Ok(());
    }
    let path = layout::catalog_temporary();
    match disk.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    add_checks(&plain, disk.create(&path)?)?;
    let switches = Switches::default();
    let backend = Backend::open(disk.open(&path)?, &switches)?;
    let checked = guarded(|| Ok(builder().set_check_integrity_on_open(true).create_with_backend(backend)?))?;
    close(Some(not_blank(checked)?));
    if switches.is_doubtful() {
        return Err(io::Error::other("the new file could not be closed").into());
    }
    Ok(disk.rename(&path, &layout::catalog())?)
}

/// Makes a new catalog for a damaged one, under a temporary name, with what can be salvaged of that. Its versions go on
/// above both `above` and those that the damaged one has reserved.
pub(super) fn renew(
    disk: &impl Disk,
    (keys, layout): (&Keys, Layout),
    above: Version,
) -> Result<Salvaged, StorageError> {
    // Without a place for the damaged one nothing is made.
    place_aside(disk)?;
    let path = layout::catalog();
    let file = disk.open(&path).map_err(failed("open", &path))?;
    let remains = Remains::of(file).map_err(failed("read", &path))?;
    let has_file = |blob: &BlobId, len| {
        let mut places = Layout::ALL.iter().map(|(layout, _)| layout.place(keys.node(), blob));
        places.any(|place| disk.open(&place).and_then(|file| file.len()).is_ok_and(|found| found == len))
    };
    make(disk, |transaction| {
        marks::mark(transaction, keys.node(), layout)?;
        let (salvaged, reserved) = match &remains {
            Some(remains) => salvage::salvage(transaction, remains, keys, &has_file)?,
            None => Default::default(),
        };
        untold::leave(transaction, Origin::MadeForDamaged(salvaged))?;
        // Written with the rest, so a catalog without it is not whole.
        salvage::reserve(transaction, reserved.max(above.0))?;
        Ok(salvaged)
    })
}

/// Puts the renewed catalog in the place of the damaged one, and sets that aside. Durable on return. After an error,
/// which does not say how much was done, it is to be called again.
pub(super) fn put_in_place(disk: &impl Disk) -> Result<(), StorageError> {
    let (root, new, path) = (DiskPath::root(), layout::catalog_temporary(), layout::catalog());
    if exists(disk, &new)? {
        if exists(disk, &path)? {
            let aside = place_aside(disk)?;
            // The new file has a durable name before the old one goes.
            disk.sync_dir(&root).map_err(failed("sync", &root))?;
            disk.rename(&path, &aside).map_err(failed("rename", &path))?;
        }
        rename_new(disk)?;
    }
    for folder in [layout::quarantine_dir(), root] {
        disk.sync_dir(&folder).map_err(failed("sync", &folder))?;
    }
    Ok(())
}

/// Returns a free place for a damaged catalog.
fn place_aside(disk: &impl Disk) -> Result<DiskPath, StorageError> {
    let taken = obstacles::entries(disk)?;
    let places = (0..QUARANTINE_CATALOGS_MAX).map(layout::quarantined_catalog);
    obstacles::first_free(places, &taken).ok_or(StorageError::CatalogsSetAside { count: QUARANTINE_CATALOGS_MAX })
}

/// Refuses a database without tables: a file that was emptied opens as one. A catalog has its ceiling from the first
/// moment on.
pub(super) fn not_blank(database: Database) -> Result<Database, CatalogError> {
    let is_blank = guarded(|| Ok(database.begin_read()?.list_tables()?.next().is_none()));
    match is_blank {
        Ok(false) => Ok(database),
        Ok(true) => {
            close(Some(database));
            Err(CatalogError::Record { table: "numbers" })
        }
        Err(error) => {
            abandon(Some(database), &error);
            Err(error)
        }
    }
}

/// Opens the database in a file.
pub(super) fn database<F: DiskFile>(backend: Backend<F>, switches: &Switches) -> Result<Database, CatalogError> {
    let opened = guarded(|| Ok(builder().create_with_backend(backend)?));
    switches.be_strict();
    opened
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CATALOG_CACHE_BYTES);
    builder
}

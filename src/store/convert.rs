//! Bringing a data directory into the other layout, while no node runs on it.
//!
//! The file `layout` says that a conversion has begun before the first blob is moved, and names the new layout after
//! the last one. Meanwhile each blob lies in its old place or in its new one, durably: a conversion that was
//! interrupted is begun again, in either direction, and finds what is left. All blobs are moved, even those that the
//! catalog does not know. A directory whose file `layout` is lost, or is that of another one, counts as interrupted.

use super::error::{StorageError, failed};
use super::layout::{BlobId, Layout};
use super::lock::lock;
use super::{Change, LayoutError, News, Setup, Store, above_all_before};
use crate::crypto::{Keys, NodeId, Version};
use crate::disk::{Disk, DiskPath, EntryKind};
use crate::limits::{COMPACT_BYTES_MIN, CONVERT_BATCH_MAX, PACKED_BYTES_MAX};
use crate::time::UnixMillis;

/// What a conversion has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Blobs that were moved.
    pub blobs: u64,
    /// The bytes of these blobs.
    pub bytes: u64,
}

/// What a conversion tells while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConvertEvent {
    /// So much was moved so far.
    Moved(Converted),
    /// The store has done this besides. The node that starts next does not find it again.
    Besides(News),
}

/// Brings a data directory into a layout; returns `None` if it has that layout already. Tells its progress after each
/// blob or batch of blobs. `now` is the time of day: if the catalog is missing or damaged, the versions of the new one
/// go on a minute above that.
///
/// # Errors
/// Blobs that were moved stay moved; the next conversion goes on with the rest, or brings them back.
pub fn convert<D: Disk>(
    disk: &D,
    keys: &Keys,
    to: Layout,
    now: UnixMillis,
    mut told: impl FnMut(ConvertEvent),
) -> Result<Option<Converted>, StorageError> {
    let above = above_all_before(now);
    let mut setup = Setup::read(disk)?;
    if matches!(setup, Setup::Settled(_)) {
        match open(disk, keys, setup, above, &mut told) {
            Err(StorageError::Layout(LayoutError::Mismatch { said, blobs })) => {
                drop(settled(open(disk, keys, Setup::Settled(blobs), above, &mut told)?)?);
                setup = Setup::Converting { from: blobs, to: said };
            }
            opened if setup == Setup::Settled(to) => return opened.map(|_| None),
            // What a crash has left is settled while everything still lies in one layout.
            opened => drop(settled(opened?)?),
        }
    }
    let from = match setup {
        Setup::Settled(from) => from,
        Setup::Converting { from, to: begun } if begun == to => from,
        // It turns back: what was moved goes to where the rest still is.
        Setup::Converting { to: begun, .. } => begun,
    };
    if setup != (Setup::Converting { from, to }) {
        Setup::Converting { from, to }.write(disk)?;
    }
    let store = settled(open(disk, keys, Setup::Converting { from, to }, above, &mut told)?)?;
    let converted = Converted::default();
    let mut conversion = Conversion { store: &store, keys, from, to, converted, told: &mut told };
    let moved = conversion.move_all();
    let converted = conversion.converted;
    store.take_news().into_iter().for_each(|news| told(ConvertEvent::Besides(news)));
    moved?;
    store.catalog.mark_layout()?;
    if to == Layout::Folders {
        // What was packed leaves its room behind, and nobody waits. If this fails, a scrub tries it again.
        drop(store.catalog.compact(COMPACT_BYTES_MIN..=u64::MAX));
    }
    drop(store);
    Setup::Settled(to).write(disk)?;
    Ok(Some(converted))
}

/// Opens a directory, and tells what that has done besides.
fn open<D: Disk>(
    disk: &D,
    keys: &Keys,
    setup: Setup,
    above: Version,
    told: &mut impl FnMut(ConvertEvent),
) -> Result<Store<D>, StorageError> {
    let (store, recovered) = Store::open_as(disk.clone(), keys, setup, above)?;
    let news = recovered.catalog.news().into_iter().chain(store.take_news());
    news.for_each(|news| told(ConvertEvent::Besides(news)));
    // If this fails, it is told once more.
    drop(store.forget_told());
    Ok(store)
}

/// Refuses a directory in which a file that a commit names has no place yet: once its older version has been moved,
/// nobody could tell which of the two counts.
fn settled<D: Disk>(store: Store<D>) -> Result<Store<D>, StorageError> {
    let left = lock(&store.unsettled).values().flatten().next().map(|left| left.path.clone());
    left.map_or(Ok(store), |path| Err(StorageError::Unsettled { path }))
}

struct Conversion<'a, D: Disk> {
    store: &'a Store<D>,
    keys: &'a Keys,
    from: Layout,
    to: Layout,
    converted: Converted,
    told: &'a mut dyn FnMut(ConvertEvent),
}

impl<D: Disk> Conversion<'_, D> {
    fn count(&mut self, blobs: usize, bytes: u64) {
        self.converted.blobs += blobs as u64;
        self.converted.bytes += bytes;
        (self.told)(ConvertEvent::Moved(self.converted));
    }

    fn move_all(&mut self) -> Result<(), StorageError> {
        self.move_files()?;
        if self.to == Layout::Folders { self.unpack() } else { Ok(()) }
    }

    /// Moves every file that lies in its old place.
    fn move_files(&mut self) -> Result<(), StorageError> {
        let root = DiskPath::root();
        let disk = &self.store.disk;
        let entries = disk.list(&root).map_err(failed("list", &root))?;
        let mut batch = Vec::new();
        for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Dir) {
            let Ok(owner) = entry.name.parse::<NodeId>() else { continue };
            let mut folders = vec![root.child(&entry.name)];
            while let Some(folder) = folders.pop() {
                for entry in disk.list(&folder).map_err(failed("list", &folder))? {
                    let Ok(path) = folder.join(&entry.name) else { continue };
                    match entry.kind {
                        EntryKind::Dir => folders.push(path),
                        EntryKind::File => self.move_file(owner, &entry.name, path, &mut batch)?,
                        EntryKind::Other => {}
                    }
                }
            }
        }
        self.pack(&mut batch)
    }

    /// Moves a file if it is a blob in its old place.
    fn move_file(
        &mut self,
        owner: NodeId,
        name: &str,
        path: DiskPath,
        batch: &mut Vec<(BlobId, DiskPath)>,
    ) -> Result<(), StorageError> {
        let Some(blob) = self.blob(owner, name).filter(|blob| self.from.place(self.store.node, blob) == path) else {
            return Ok(());
        };
        let Some(reader) = self.store.read_path(path.clone())? else { return Ok(()) };
        let len = reader.len();
        if self.store.is_current(self.keys, &blob)? {
            // What is left in the old place is an older version, or the same.
            self.store.take_away(&path, |path| self.store.disk.remove(path))?;
            self.count(1, len);
            return Ok(());
        }
        if self.to == Layout::Packed && len <= PACKED_BYTES_MAX as u64 {
            batch.push((blob, path));
            return if batch.len() == CONVERT_BATCH_MAX { self.pack(batch) } else { Ok(()) };
        }
        self.store.rename_to(&path, &self.to.place(self.store.node, &blob))?;
        // The file is gone already: this only prunes the folders that are empty.
        self.store.take_away(&path, |_| Ok(()))?;
        self.count(1, len);
        Ok(())
    }

    fn blob(&self, owner: NodeId, name: &str) -> Option<BlobId> {
        if owner == self.store.node {
            name.parse().ok().map(BlobId::Own)
        } else {
            name.parse().ok().map(|replica_name| BlobId::Held(owner, replica_name))
        }
    }

    /// Takes small files into the catalog. They are removed once its commit is durable.
    fn pack(&mut self, batch: &mut Vec<(BlobId, DiskPath)>) -> Result<(), StorageError> {
        let (mut changes, mut sum) = (Vec::new(), 0);
        for (blob, path) in batch.iter() {
            let Some(mut reader) = self.store.read_path(path.clone())? else { continue };
            let mut bytes = vec![0; usize::try_from(reader.len()).expect("a small file fits the memory")];
            let count = reader.read(&mut bytes)?;
            bytes.truncate(count);
            sum += count as u64;
            changes.push(Change::Object(*blob, Some(bytes.into())));
        }
        self.store.commit(&changes)?;
        for (_, path) in batch.drain(..) {
            self.store.take_away(&path, |path| self.store.disk.remove(path))?;
        }
        self.count(changes.len(), sum);
        Ok(())
    }

    /// Gives every blob in the catalog a file.
    fn unpack(&mut self) -> Result<(), StorageError> {
        loop {
            let objects = self.store.catalog.objects(CONVERT_BATCH_MAX)?;
            if objects.is_empty() {
                return Ok(());
            }
            let (mut changes, mut sum) = (Vec::new(), 0);
            for (blob, bytes) in objects {
                changes.push(Change::Object(blob, None));
                sum += bytes.len() as u64;
                if self.store.is_current(self.keys, &blob)? {
                    continue;
                }
                // No version is needed: after a crash the next start drops the temporary file, and the next conversion
                // writes it again.
                let mut writer = self.store.write_blob(blob, Version(0))?;
                writer.write(&bytes)?;
                self.store.stage(&writer, true)?;
                self.store.publish(&writer)?;
            }
            self.store.commit(&changes)?;
            self.count(changes.len(), sum);
        }
    }
}

//! What a scrub asks of the store besides the blobs themselves: how far it has come, how much there is to read, and
//! what no record names.

use std::io;

use super::error::{StorageError, failed, twice};
use super::layout::BlobId;
use super::record::ScrubState;
use super::{Known, Store, obstacles};
use crate::crypto::{FileName, NodeId, Version};
use crate::disk::{Disk, DiskPath, EntryKind};
use crate::limits::{COMPACT_BYTES_MAX, LIST_PAGE_MAX, STRAYS_ASIDE_MAX};

/// How far a look for strays has come.
#[derive(Debug, Default)]
pub struct Strays {
    folders: Vec<DiskPath>,
    has_begun: bool,
    /// The last key of the objects in the catalog that was looked at, once the folders are done.
    object: Option<Vec<u8>>,
}

impl<D: Disk> Store<D> {
    /// Returns how far scrubs have come.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn scrub_state(&self) -> Result<ScrubState, StorageError> {
        Ok(self.catalog.scrub_state()?)
    }

    /// Returns the bytes of all blobs that the catalog knows.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn bytes_to_scrub(&self) -> Result<u64, StorageError> {
        let (mut bytes, mut after) = (0_u64, None);
        loop {
            let page = self.list_own("", after.as_ref(), LIST_PAGE_MAX)?;
            bytes = page.iter().fold(bytes, |bytes, (_, record)| bytes.saturating_add(record.seal.size));
            match page.into_iter().last() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
        let mut after = None;
        loop {
            let page = self.list_held(after, LIST_PAGE_MAX)?;
            let Some((owner, replica_name, _)) = page.last() else { return Ok(bytes) };
            after = Some((*owner, *replica_name));
            for record in page.into_iter().filter_map(|(_, _, known)| Known::file(known)) {
                bytes = bytes.saturating_add(record.seal.sealed_bytes());
            }
        }
    }

    /// Reads all of the catalog. If it is damaged, another one takes its place, with all that could be salvaged.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read, or not be replaced.
    pub fn verify_catalog(&self) -> Result<(), StorageError> {
        twice(|| Ok(self.catalog.verify()?))
    }

    /// Returns the version of which a local copy of an own file is to be here: it was stored here, or a scrub has found
    /// it here, and nobody has removed it since.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn copy(&self, file: FileName) -> Result<Option<Version>, StorageError> {
        Ok(self.catalog.copy(file)?)
    }

    /// Makes the file of the catalog smaller if much of it is free and it has at least `bytes_min`, and returns by how
    /// much.
    ///
    /// # Errors
    /// After an error the catalog says what it said before.
    pub fn compact_catalog(&self, bytes_min: u64) -> Result<Option<u64>, StorageError> {
        Ok(self.catalog.compact(bytes_min..=COMPACT_BYTES_MAX)?)
    }

    /// Looks at one more folder, or at some more small blobs, and returns replicas there that have no record; `None` at
    /// the end. Removes the folder if it is empty.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn next_strays(&self, strays: &mut Strays) -> Result<Option<Vec<BlobId>>, StorageError> {
        let root = DiskPath::root();
        if !strays.has_begun {
            strays.has_begun = true;
            let entries = self.disk.list(&root).map_err(failed("list", &root))?;
            let is_owner = |name: &str| name.parse::<NodeId>().is_ok();
            let owners = entries.iter().filter(|entry| entry.kind == EntryKind::Dir && is_owner(&entry.name));
            strays.folders = owners.map(|entry| root.child(&entry.name)).collect();
        }
        match strays.folders.pop() {
            Some(folder) => self.strays_in(&folder, &mut strays.folders).map(Some),
            None => self.stray_objects(&mut strays.object),
        }
    }

    fn strays_in(&self, folder: &DiskPath, open: &mut Vec<DiskPath>) -> Result<Vec<BlobId>, StorageError> {
        let entries = match self.disk.list(folder) {
            // A removal has taken it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(failed("list", folder))?,
        };
        if entries.is_empty() {
            self.prune(folder.clone())?;
        }
        let owner = folder.segments().next().and_then(|name| name.parse::<NodeId>().ok());
        let mut blobs = Vec::new();
        for entry in entries {
            let Ok(path) = folder.join(&entry.name) else { continue };
            match (entry.kind, owner) {
                (EntryKind::Dir, _) => open.push(path),
                (EntryKind::File, Some(owner)) if owner != self.node => {
                    let Ok(replica_name) = entry.name.parse() else { continue };
                    let blob = BlobId::Held(owner, replica_name);
                    if self.path(&blob) == path && self.is_stray(&blob)? {
                        blobs.push(blob);
                    }
                }
                _ => {}
            }
        }
        Ok(blobs)
    }

    fn stray_objects(&self, after: &mut Option<Vec<u8>>) -> Result<Option<Vec<BlobId>>, StorageError> {
        let page = self.catalog.object_names(after.as_deref(), LIST_PAGE_MAX)?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        *after = Some(last.clone());
        let mut blobs = Vec::new();
        for blob in page.into_iter().filter_map(|(_, blob)| blob) {
            if self.is_stray(&blob)? {
                blobs.push(blob);
            }
        }
        Ok(Some(blobs))
    }

    /// Whether a blob is a replica that no record names. An own file without a record may be all that is left of it.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read.
    pub fn is_stray(&self, blob: &BlobId) -> Result<bool, StorageError> {
        match blob {
            BlobId::Own(_) => Ok(false),
            BlobId::Held(owner, replica_name) => Ok(self.held(*owner, *replica_name)?.is_none()),
        }
    }

    /// Sets a replica aside that no record names, unless the quarantine has too little room for that. Returns false if
    /// it stays where it is.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn keep_aside(&self, blob: &BlobId) -> Result<bool, StorageError> {
        let has_room = obstacles::entries(&self.disk)?.len() < STRAYS_ASIDE_MAX;
        Ok(has_room && self.set_aside(blob)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout::{self, Layout};
    use crate::store::tests::Place;

    #[test]
    fn a_folder_that_is_gone_has_no_strays_and_one_that_cannot_be_read_fails() {
        let place = Place::new();
        let (store, _) = place.open(Layout::Folders);
        let mut open = Vec::new();
        let gone = DiskPath::root().child(&NodeId([5; 32]).to_string());
        assert_eq!(store.strays_in(&gone, &mut open).ok(), Some(Vec::new()));
        assert!(store.strays_in(&layout::catalog(), &mut open).is_err(), "it is no folder");
    }
}

//! What a start does about a crash, and a running node about a disk error: a temporary file either holds the bytes that
//! a commit names, and then gets its final name, or it is dropped.

use std::collections::BTreeMap;
use std::io;

use super::catalog::Origin;
use super::comparison::is_sealed;
use super::error::{StorageError, failed};
use super::layout::{self, BlobId};
use super::lock::lock;
use super::{BlobReader, BlobWriter, Known, News, Store};
use crate::crypto::{FileName, Iv, Keys, Seal, Version};
use crate::disk::{DirEntry, Disk, DiskFile, DiskPath, EntryKind};
use crate::limits::LIST_PAGE_MAX;

/// What a start found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Blobs that a commit had announced; they have their final name.
    pub finished: usize,
    /// Temporary files that no commit names; they are gone.
    pub dropped: usize,
    /// How the start came by its catalog.
    pub catalog: Origin,
}

/// A temporary file, and the blob and version in it.
#[derive(Clone)]
pub(super) struct Temporary {
    blob: BlobId,
    version: Version,
    pub(super) path: DiskPath,
}

/// The version under which a blob is written that gets no name: no commit can name it, so a start drops it.
pub const PASSING: Version = Version(0);

/// The temporary files whose commit or rename failed.
pub(super) type Unsettled = BTreeMap<BlobId, Vec<Temporary>>;

impl<D: Disk> Store<D> {
    pub(super) fn recover(&self, keys: &Keys) -> Result<Recovered, StorageError> {
        let mut recovered = Recovered::default();
        for temporary in self.temporaries()? {
            let blob = temporary.blob;
            match self.settle_one(keys, &temporary) {
                Ok(true) => recovered.finished += 1,
                Ok(false) => recovered.dropped += 1,
                // One blob that the disk refuses must not keep the node from all others.
                Err(error @ (StorageError::Disk { .. } | StorageError::QuarantineFull)) => {
                    let path = temporary.path.clone();
                    lock(&self.unsettled).entry(blob).or_default().push(temporary);
                    self.tell(News::Unsettled { path, reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(recovered)
    }

    /// Returns the temporary files that are there.
    fn temporaries(&self) -> Result<Vec<Temporary>, StorageError> {
        let folder = layout::temporary_dir();
        let entries = self.disk.list(&folder).map_err(failed("list", &folder))?;
        let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File);
        let temporary = |entry: DirEntry| {
            let (blob, version, _) = layout::parse_temporary(&entry.name)?;
            Some(Temporary { blob, version, path: folder.child(&entry.name) })
        };
        Ok(files.filter_map(temporary).collect())
    }

    /// Drops the temporary files of blobs that are [passing](PASSING). Nobody reads them any more.
    ///
    /// # Errors
    /// After an error the next start drops what is left.
    pub fn drop_passing(&self) -> Result<(), StorageError> {
        let passing = self.temporaries()?.into_iter().filter(|temporary| temporary.version == PASSING);
        passing.map(|temporary| self.remove_temporary(&temporary.path)).fold(Ok(()), Result::and)
    }

    /// Remembers a blob whose commit or rename failed, for [`settle`](Self::settle).
    pub fn leave_unsettled(&self, writer: BlobWriter<D>) {
        let BlobWriter { blob, version, temporary: path, .. } = writer;
        lock(&self.unsettled).entry(blob).or_default().push(Temporary { blob, version, path });
    }

    /// Whether no earlier failed attempt has left a temporary file of this blob.
    fn is_settled(&self, blob: &BlobId) -> bool {
        !lock(&self.unsettled).contains_key(blob)
    }

    /// Decides about the temporary files that failed attempts have left: if a commit has announced one, it becomes the
    /// blob; if not, it is dropped. The caller holds the lock of the blob.
    ///
    /// # Errors
    /// After an error the rest is left for the next call, or the next start.
    pub fn settle(&self, keys: &Keys, blob: &BlobId) -> Result<(), StorageError> {
        if self.is_settled(blob) {
            return Ok(());
        }
        let left = lock(&self.unsettled).get(blob).cloned().unwrap_or_default();
        for temporary in &left {
            self.settle_one(keys, temporary)?;
        }
        lock(&self.unsettled).remove(blob);
        Ok(())
    }

    /// Decides about one temporary file; returns true if it got its final name.
    fn settle_one(&self, keys: &Keys, temporary: &Temporary) -> Result<bool, StorageError> {
        let path = &temporary.path;
        if self.is_committed(keys, temporary)? {
            self.rename_into_place(path, &temporary.blob)?;
            return Ok(true);
        }
        match self.disk.remove(path) {
            // The file was renamed before the call that failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| false).map_err(failed("remove", path)),
        }
    }

    /// Whether a temporary file is complete and the catalog names its version.
    fn is_committed(&self, keys: &Keys, temporary: &Temporary) -> Result<bool, StorageError> {
        let Temporary { blob, version, path } = temporary;
        match blob {
            BlobId::Held(owner, replica_name) => match self.held(*owner, *replica_name)?.and_then(Known::file) {
                Some(record) if record.seal.version == *version => is_sealed(self.read_path(path.clone())?, &record),
                _ => Ok(false),
            },
            BlobId::Own(name) => match self.own_by_name(*name)? {
                Some((iv, seal)) if seal.version == *version => {
                    is_plaintext(self.read_path(path.clone())?, keys, iv, &seal)
                }
                _ => Ok(false),
            },
        }
    }

    /// Whether what lies in the place of a blob is what the catalog names. What the disk does not give is not.
    pub(super) fn is_current(&self, keys: &Keys, blob: &BlobId) -> Result<bool, StorageError> {
        let there = match self.read_blob(blob) {
            Ok(None) | Err(StorageError::Disk { .. }) => return Ok(false),
            there => there?,
        };
        let is_current = match blob {
            BlobId::Held(owner, replica_name) => match self.held(*owner, *replica_name)?.and_then(Known::file) {
                Some(record) => is_sealed(there, &record),
                None => Ok(false),
            },
            BlobId::Own(name) => match self.own_by_name(*name)? {
                Some((iv, seal)) => is_plaintext(there, keys, iv, &seal),
                None => Ok(false),
            },
        };
        match is_current {
            Err(StorageError::Disk { .. }) => Ok(false),
            is_current => is_current,
        }
    }

    /// Whether the local copy of an own file is there and is what was sealed with this IV.
    ///
    /// # Errors
    /// Fails if the local copy cannot be read.
    pub fn is_good_own(&self, blob: &BlobId, keys: &Keys, iv: Iv, seal: &Seal) -> Result<bool, StorageError> {
        is_plaintext(self.read_from_disk(blob)?, keys, iv, seal)
    }

    /// Returns IV and seal of the own file whose local copy has this name. Looks through all keys: a name is only the
    /// hash of its key, and a crash leaves few files to look for.
    fn own_by_name(&self, name: FileName) -> Result<Option<(Iv, Seal)>, StorageError> {
        let mut after = None;
        loop {
            let page = self.list_own("", after.as_ref(), LIST_PAGE_MAX)?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            after = Some(last.clone());
            for (key, record) in page {
                if key.file_name() == name {
                    return Ok(Some((record.iv, record.seal)));
                }
            }
        }
    }
}

fn is_plaintext<F: DiskFile>(
    reader: Option<BlobReader<F>>,
    keys: &Keys,
    iv: Iv,
    seal: &Seal,
) -> Result<bool, StorageError> {
    reader.map_or(Ok(false), |mut reader| reader.is_plaintext_of(keys, iv, seal))
}

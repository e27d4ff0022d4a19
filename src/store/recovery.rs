//! What a start does about a crash: every temporary file is either the bytes that a commit names, and then gets
//! its final name, or it is dropped.

use super::layout::{self, BlobId};
use super::{Store, StoreError, failed};
use crate::crypto::{ContentCipher, Digest, Iv, Keys, PathName, Seal, Version};
use crate::disk::{Disk, DiskPath, EntryKind};
use crate::limits::{CHUNK_BYTES, LIST_PAGE_MAX};

/// What a start found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Blobs that a commit had announced and that now have their final name.
    pub finished: usize,
    /// Temporary files that no commit names.
    pub dropped: usize,
}

impl<D: Disk> Store<D> {
    pub(super) fn recover(&self, keys: &Keys) -> Result<Recovered, StoreError> {
        let mut recovered = Recovered::default();
        let folder = layout::temporary_dir();
        for entry in self.disk.list(&folder).map_err(failed("list", &folder))? {
            let Some((blob, version)) = layout::parse_temporary(&entry.name) else { continue };
            if entry.kind != EntryKind::File {
                continue;
            }
            let temporary = folder.child(&entry.name);
            if self.is_committed(keys, &blob, version)? {
                self.rename_into_place(&temporary, &blob)?;
                recovered.finished += 1;
            } else {
                self.disk.remove(&temporary).map_err(failed("remove", &temporary))?;
                recovered.dropped += 1;
            }
        }
        Ok(recovered)
    }

    /// Gives a blob the name that a commit has announced, where an earlier attempt failed; false where there is
    /// none. The caller holds the lock of the blob.
    ///
    /// # Errors
    /// The blob then has its old or its new name.
    pub fn finish(&self, keys: &Keys, blob: &BlobId, version: Version) -> Result<bool, StoreError> {
        let temporary = layout::temporary(blob, version);
        if self.read_path(temporary.clone())?.is_none() || !self.is_committed(keys, blob, version)? {
            return Ok(false);
        }
        self.rename_into_place(&temporary, blob)?;
        Ok(true)
    }

    /// Whether a temporary file is complete and the catalog calls for just this version.
    fn is_committed(&self, keys: &Keys, blob: &BlobId, version: Version) -> Result<bool, StoreError> {
        let temporary = layout::temporary(blob, version);
        match blob {
            BlobId::Held(owner, hashed) => match self.held(*owner, *hashed)? {
                Some(record) if record.seal.version == version => {
                    let mut hasher = blake3::Hasher::new();
                    let len = self.pass(temporary, |chunk| {
                        hasher.update(chunk);
                    })?;
                    Ok(len == record.seal.sealed_bytes() && Digest(*hasher.finalize().as_bytes()) == record.seal.digest)
                }
                _ => Ok(false),
            },
            BlobId::Own(name) => {
                let Some((iv, seal)) = self.own_by_version(version, *name)? else { return Ok(false) };
                let mut cipher = ContentCipher::new(keys, iv);
                let len = self.pass(temporary, |chunk| cipher.seal(chunk))?;
                Ok(len == seal.size && cipher.digest() == seal.digest)
            }
        }
    }

    /// The own file whose newest version is this one. Looks through all keys: a temporary file says the hash of
    /// its key only, and a crash leaves few of them.
    fn own_by_version(&self, version: Version, name: PathName) -> Result<Option<(Iv, Seal)>, StoreError> {
        let mut after = None;
        loop {
            let page = self.list_own(after.as_ref(), LIST_PAGE_MAX)?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            after = Some(last.clone());
            for (key, record) in page {
                if record.seal.version == version && key.path_name() == name {
                    return Ok(Some((record.iv, record.seal)));
                }
            }
        }
    }

    fn pass(&self, path: DiskPath, mut each: impl FnMut(&mut [u8])) -> Result<u64, StoreError> {
        let Some(mut reader) = self.read_path(path)? else { return Ok(0) };
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut len = 0;
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(len);
            }
            each(&mut buffer[..count]);
            len += count as u64;
        }
    }
}

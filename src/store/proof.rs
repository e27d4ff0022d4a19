//! Believes a record of an own file only with its proof: the tag, which this node made over the name, the version and
//! the content. A record that does not have it has rotted, whatever the disk says of the page that it lies in.

use super::layout::BlobId;
use super::{Change, OwnRecord, StorageError, Store};
use crate::crypto::{Iv, Key, Keys, Metadata, ReplicaName, Seal, SealedMetadata, Tombstone, Version};
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;
use crate::time::UnixMillis;

impl<D: Disk> Store<D> {
    /// Returns what this node knows of one of its own files, if that has its proof. If it does not and the local copy
    /// is what the record says, the file gets a new record and a new version, because the old number may be the rotten
    /// part. Otherwise the record is dropped, and the peers know better.
    ///
    /// # Errors
    /// Fails if the catalog or the local copy cannot be read, or the catalog cannot be changed.
    pub fn proved(&self, keys: &Keys, key: &Key) -> Result<Option<OwnRecord>, StorageError> {
        let Some(record) = self.own(key)? else { return Ok(None) };
        let replica_name = keys.replica_name(key);
        if record.seal.is_authentic(keys, replica_name) {
            return Ok(Some(record));
        }
        let disproved = Change::Disproved(key.clone(), replica_name, Box::new(record.clone()));
        let blob = BlobId::Own(key.file_name());
        if !self.is_good_own(&blob, keys, record.iv, &record.seal)? {
            self.commit(&[disproved])?;
            return Ok(None);
        }
        let renewed = self.prove_again(keys, key, &record)?;
        let change = Change::Own(key.clone(), replica_name, Box::new(renewed));
        // If the record has changed meanwhile, neither is made.
        self.commit(&[disproved, change])?;
        self.own(key)
    }

    /// Drops the record or the tombstone of an own file if it does not have its proof, before a store takes its place.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read or changed.
    pub fn drop_unproved(&self, keys: &Keys, key: &Key) -> Result<(), StorageError> {
        let replica_name = keys.replica_name(key);
        if let Some(record) = self.own(key)?.filter(|record| !record.seal.is_authentic(keys, replica_name)) {
            self.commit(&[Change::Disproved(key.clone(), replica_name, Box::new(record))])?;
        }
        if let Some(found) = self.tombstone(replica_name)?.filter(|found| !found.is_authentic(keys, replica_name)) {
            self.commit(&[Change::DisprovedTombstone(replica_name, found)])?;
        }
        Ok(())
    }

    /// Returns the tombstone of an own file. If it does not have its proof, the file was deleted all the same, and gets
    /// a new one.
    ///
    /// # Errors
    /// Fails if the catalog cannot be read or changed.
    pub fn proved_tombstone(&self, keys: &Keys, name: ReplicaName) -> Result<Option<Tombstone>, StorageError> {
        let Some(found) = self.tombstone(name)? else { return Ok(None) };
        if found.is_authentic(keys, name) {
            return Ok(Some(found));
        }
        let renewed = Tombstone::new(keys, name, self.next_version(UnixMillis(0), name)?);
        self.commit(&[Change::DisprovedTombstone(name, found), Change::Deleted(name, renewed)])?;
        self.tombstone(name)
    }

    /// Returns the newest version of an own file or of its deletion for which there is proof. The key is `None` if it
    /// is not known.
    ///
    /// # Errors
    /// Fails like [`proved`](Self::proved).
    pub fn newest_proved(
        &self,
        keys: &Keys,
        key: Option<&Key>,
        replica_name: ReplicaName,
    ) -> Result<Option<Version>, StorageError> {
        let stored = key.map(|key| self.proved(keys, key)).transpose()?.flatten();
        let deleted = self.proved_tombstone(keys, replica_name)?;
        Ok(stored.map(|record| record.seal.version).max(deleted.map(|tombstone| tombstone.version)))
    }

    /// Returns own files in the order of their keys, like [`list_own`](Self::list_own), without those whose record has
    /// no proof and could not be given one. Fewer than asked for, or than [`LIST_PAGE_MAX`], are the last.
    ///
    /// # Errors
    /// Fails like [`proved`](Self::proved).
    pub fn list_proved(
        &self,
        keys: &Keys,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, OwnRecord)>, StorageError> {
        let limit = limit.min(LIST_PAGE_MAX);
        let (mut after, mut proved) = (after.cloned(), Vec::new());
        while proved.len() < limit {
            let page = self.list_own(prefix, after.as_ref(), limit - proved.len())?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, record) in page {
                let is_proved = record.seal.is_authentic(keys, keys.replica_name(&key));
                if let Some(record) = if is_proved { Some(record) } else { self.proved(keys, &key)? } {
                    proved.push((key, record));
                }
            }
        }
        Ok(proved)
    }

    /// Makes the record of a file whose local copy has the digest of this one, under a new version.
    fn prove_again(&self, keys: &Keys, key: &Key, record: &OwnRecord) -> Result<OwnRecord, StorageError> {
        let OwnRecord { seal, iv, modified } = record;
        let version = self.next_version(UnixMillis(0), keys.replica_name(key))?;
        // Nothing proves the attributes, and nothing depends on them.
        let attributes = seal.metadata.open(keys).ok().filter(|old| old.key == *key).and_then(|old| old.attributes);
        let metadata = Metadata { key: key.clone(), size: seal.size, modified: *modified, attributes };
        let metadata = SealedMetadata::seal(keys, metadata_iv(version, *iv), &metadata);
        let seal = Seal::new(keys, keys.replica_name(key), version, seal.size, seal.digest, metadata);
        Ok(OwnRecord { seal, iv: *iv, modified: *modified })
    }
}

/// Returns an IV for metadata that no draw gives, because no version is used twice.
fn metadata_iv(version: Version, iv: Iv) -> Iv {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"dacapo metadata of a proved record v1");
    hasher.update(&version.0.to_le_bytes());
    hasher.update(&iv.0);
    Iv(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use crate::crypto::{Digest, Version};
    use crate::store::Change;
    use crate::store::layout::Layout;
    use crate::store::tests::{Place, key};

    #[test]
    fn a_page_is_full_although_a_record_in_it_has_lost_its_proof() {
        let place = Place::new();
        let (store, _) = place.open(Layout::Folders);
        for (text, version) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
            store.commit(&[place.stored(&key(text), Version(version), b"content")]).expect("a good disk");
        }
        let mut rotten = place.own(&key("b"), Version(5), b"content");
        rotten.seal.digest = Digest([0; 32]);
        let change = Change::Own(key("b"), place.keys.replica_name(&key("b")), Box::new(rotten));
        store.commit(&[change]).expect("a good disk");
        let listed = |after: Option<&str>| {
            let after = after.map(key);
            let page = store.list_proved(&place.keys, "", after.as_ref(), 2).expect("a good disk");
            page.into_iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(listed(None), ["a", "c"]);
        assert_eq!(listed(Some("c")), ["d"]);
        assert!(listed(Some("d")).is_empty());
    }
}

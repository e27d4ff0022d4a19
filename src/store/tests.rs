use tempfile::TempDir;

use super::*;
use crate::crypto::{ContentCipher, Digest, IV_BYTES, Iv, MasterSecret, Metadata, Seal, SealedMetadata, Tombstone};
use crate::disk::dir::DirDisk;
use crate::limits::{CHUNK_BYTES, PACKED_BYTES_MAX};
use crate::time::UnixMillis;

/// A data directory that is gone after the test.
pub(crate) struct Place {
    pub(crate) disk: DirDisk,
    pub(crate) keys: Keys,
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = DirDisk::open(folder.path()).expect("an empty folder");
        Self { disk, keys: Keys::derive(&MasterSecret([1; 32])), folder }
    }

    pub(crate) fn open(&self, layout: Layout) -> (Store<DirDisk>, Recovered) {
        Store::open_as(self.disk.clone(), &self.keys, Setup::Settled(layout), Version(0)).expect("a good directory")
    }

    /// Returns the seal of these sealed bytes.
    pub(crate) fn seal(&self, key: &Key, version: Version, sealed: &[u8]) -> Seal {
        let size = (sealed.len() - IV_BYTES) as u64;
        let metadata = Metadata { key: key.clone(), size, modified: UnixMillis(0), attributes: None };
        let metadata = SealedMetadata::seal(&self.keys, Iv([0; IV_BYTES]), &metadata);
        let digest = Digest(*blake3::hash(sealed).as_bytes());
        Seal::new(&self.keys, self.keys.replica_name(key), version, size, digest, metadata)
    }

    /// Returns the record of an own file with this content.
    pub(crate) fn own(&self, key: &Key, version: Version, content: &[u8]) -> OwnRecord {
        let iv = Iv([2; IV_BYTES]);
        let mut sealed = content.to_vec();
        ContentCipher::new(&self.keys, iv).seal(&mut sealed);
        let seal = self.seal(key, version, &[iv.0.as_slice(), &sealed].concat());
        OwnRecord { seal, iv, modified: UnixMillis(0) }
    }

    /// Returns the change by which an own file has this content.
    pub(crate) fn stored(&self, key: &Key, version: Version, content: &[u8]) -> Change {
        Change::Own(key.clone(), self.keys.replica_name(key), Box::new(self.own(key, version, content)))
    }

    /// Returns the change by which an own file is deleted everywhere.
    pub(crate) fn deleted(&self, key: &Key, version: Version) -> Change {
        let replica_name = self.keys.replica_name(key);
        Change::Deleted(replica_name, Tombstone::new(&self.keys, replica_name, version))
    }
}

pub(crate) fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

pub(crate) fn held(seal: Seal) -> HeldRecord {
    HeldRecord { seal, stored: UnixMillis(0), verified: UnixMillis(0) }
}

/// Writes a blob and gives it its name.
pub(crate) fn write(store: &Store<DirDisk>, blob: BlobId, version: Version, bytes: &[u8]) {
    let mut writer = store.write_blob(blob, version).expect("a good disk");
    writer.write(bytes).expect("a good disk");
    store.stage(&writer, true).expect("a good disk");
    store.publish(&writer).expect("a good disk");
}

#[test]
fn a_file_that_a_commit_names_gets_its_name_at_the_next_start() {
    let place = Place::new();
    let (a, b) = (key("a"), key("b"));
    let blob = BlobId::Own(a.file_name());
    let (store, _) = place.open(Layout::Folders);
    for (key, version) in [(&a, Version(2)), (&b, Version(3))] {
        let mut writer = store.write_blob(BlobId::Own(key.file_name()), version).expect("a good disk");
        writer.write(b"content").expect("a good disk");
        store.stage(&writer, true).expect("a good disk");
    }
    assert_eq!(store.commit(&[place.stored(&a, Version(2), b"content")]).ok(), Some(true));
    assert_eq!(store.commit(&[place.stored(&b, Version(4), b"content")]).ok(), Some(true));
    drop(store);
    let (store, recovered) = place.open(Layout::Folders);
    assert_eq!((recovered.finished, recovered.dropped), (1, 1));
    assert_eq!(store.has_blob(&blob).ok(), Some(true));
}

#[test]
fn deletions_are_listed_with_the_names_of_their_local_copies() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    let (key, gone) = (key("a"), key("b"));
    store.commit(&[place.stored(&key, Version(1), b"")]).expect("a good disk");
    store.commit(&[place.deleted(&key, Version(2)), place.deleted(&gone, Version(3))]).expect("a good disk");
    let name = place.keys.replica_name(&key);
    assert_eq!(store.list_tombstones(None, 10).expect("a good disk"), [(name, key.file_name())]);
    assert_eq!(store.list_tombstones(Some(name), 10).expect("a good disk"), []);
}

#[test]
fn a_deletion_is_remembered_until_its_local_copy_is_gone() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    let (key, now) = (key("a"), UnixMillis(0));
    let (name, blob) = (place.keys.replica_name(&key), BlobId::Own(key.file_name()));
    let version = || store.next_version(now, name).expect("a good disk");
    let (stored, deleted) = (version(), version());
    store.commit(&[place.stored(&key, stored, b"content")]).expect("a good disk");
    write(&store, blob, stored, b"content");
    store.commit(&[place.deleted(&key, deleted)]).expect("a good disk");
    let state = Forgetting { floor: deleted, agreed: None };
    assert_eq!(store.forget_deletions(deleted, state, now).ok(), Some(0));
    assert!(store.tombstone(name).expect("a good disk").is_some());
    store.forget_blob(&blob).expect("a good disk");
    assert_eq!(store.forget_deletions(deleted, state, now).ok(), Some(1));
    assert!(store.tombstone(name).expect("a good disk").is_none());
}

#[test]
fn what_was_changed_meanwhile_is_not_dropped() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    let (key, name) = (key("a"), place.keys.replica_name(&key("a")));
    let disproved = |version| Change::Disproved(key.clone(), name, Box::new(place.own(&key, version, b"")));
    let tombstone = |version| Change::DisprovedTombstone(name, Tombstone::new(&place.keys, name, version));
    store.commit(&[place.stored(&key, Version(2), b"")]).expect("a good disk");
    assert_eq!(store.commit(&[disproved(Version(1))]).ok(), Some(false));
    assert!(store.own(&key).expect("a good disk").is_some());
    assert_eq!(store.commit(&[disproved(Version(2)), place.stored(&key, Version(1), b"")]).ok(), Some(true));
    store.commit(&[place.deleted(&key, Version(4))]).expect("a good disk");
    assert_eq!(store.commit(&[tombstone(Version(3))]).ok(), Some(false));
    assert_eq!(store.commit(&[tombstone(Version(4)), place.deleted(&key, Version(3))]).ok(), Some(true));
}

#[test]
fn versions_that_were_skipped_stay_skipped_after_a_start() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    store.skip_versions(Version(1000)).expect("a good disk");
    store.skip_versions(Version(10)).expect("a good disk");
    drop(store);
    let (store, _) = place.open(Layout::Folders);
    let next = store.next_version(UnixMillis(0), ReplicaName([1; 16])).expect("a good disk");
    assert!(next > Version(1000), "{next}");
}

#[test]
fn a_version_belongs_to_the_start_that_handed_it_out() {
    let (place, name) = (Place::new(), ReplicaName([1; 16]));
    let (store, _) = place.open(Layout::Folders);
    let version = store.next_version(UnixMillis(0), name).expect("a good disk");
    assert!(store.is_of_this_start(version, name));
    assert!(!store.is_of_this_start(Version(version.0 + 1), name), "it was not handed out");
    drop(store);
    let (store, _) = place.open(Layout::Folders);
    assert!(store.has_issued(version, name) && !store.is_of_this_start(version, name));
}

#[test]
fn a_replica_is_compared_part_after_part() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    let (key, sealed) = (key("a"), vec![7; 2 * CHUNK_BYTES]);
    let (blob, record) =
        (BlobId::Held(NodeId([5; 32]), ReplicaName([1; 16])), held(place.seal(&key, Version(1), &sealed)));
    write(&store, blob, Version(1), &sealed);
    let mut comparison = store.compare(&blob, &record).expect("a good disk").expect("it is there");
    let mut part = || comparison.go_on(CHUNK_BYTES as u64).expect("a good disk");
    assert_eq!([part(), part(), part()], [None, None, Some(true)]);
    let other = held(place.seal(&key, Version(1), &vec![8; 2 * CHUNK_BYTES]));
    assert_eq!(store.is_good(&blob, &other).ok(), Some(false));
}

#[test]
fn a_conversion_moves_every_blob_and_counts_the_bytes() {
    let place = Place::new();
    let (a, b) = (key("a"), key("b"));
    let (store, _) = place.open(Layout::Folders);
    for (key, bytes) in [(&a, [1; 10].as_slice()), (&b, &[2; 5])] {
        write(&store, BlobId::Own(key.file_name()), Version(1), bytes);
        store.commit(&[place.stored(key, Version(1), bytes)]).expect("a good disk");
    }
    drop(store);
    for (layout, other) in [(Layout::Packed, Layout::Folders), (Layout::Folders, Layout::Packed)] {
        let converted = convert(&place.disk, &place.keys, layout, UnixMillis(0), |_| ()).expect("a good disk");
        assert_eq!(converted, Some(Converted { blobs: 2, bytes: 15 }), "to {layout}");
        assert!(Layout::choose(&place.disk, Some(other)).is_err());
        let (store, _) = place.open(Layout::choose(&place.disk, Some(layout)).expect("it is done"));
        for key in [&a, &b] {
            let record = store.own(key).expect("a good disk").expect("it is known");
            let blob = BlobId::Own(key.file_name());
            assert_eq!(store.is_good_own(&blob, &place.keys, record.iv, &record.seal).ok(), Some(true));
        }
    }
}

#[test]
fn a_conversion_keeps_what_was_committed_if_the_power_and_the_file_layout_are_lost() {
    let (place, a) = (Place::new(), key("a"));
    let blob = BlobId::Own(a.file_name());
    let (old, new) = (vec![1; PACKED_BYTES_MAX + 1], vec![2; PACKED_BYTES_MAX + 1]);
    let (store, _) = place.open(Layout::Packed);
    write(&store, blob, Version(1), &old);
    store.commit(&[place.stored(&a, Version(1), &old)]).expect("a good disk");
    // The power fails between the commit and the rename.
    let mut writer = store.write_blob(blob, Version(2)).expect("a good disk");
    writer.write(&new).expect("a good disk");
    store.stage(&writer, true).expect("a good disk");
    store.commit(&[place.stored(&a, Version(2), &new)]).expect("a good disk");
    drop(store);
    convert(&place.disk, &place.keys, Layout::Folders, UnixMillis(0), |_| ()).expect("a good disk");
    let (store, _) = place.open(Layout::Folders);
    assert_eq!(store.is_current(&place.keys, &blob).ok(), Some(true));
}

#[test]
fn a_conversion_replaces_no_file_by_the_version_before_it() {
    for (from, to, old_bytes) in
        [(Layout::Packed, Layout::Folders, PACKED_BYTES_MAX + 1), (Layout::Folders, Layout::Packed, 10)]
    {
        let (place, a) = (Place::new(), key("a"));
        let blob = BlobId::Own(a.file_name());
        let (old, new) = (vec![1; old_bytes], vec![2; PACKED_BYTES_MAX + 1]);
        write(&place.open(from).0, blob, Version(1), &old);
        let converting = Setup::Converting { from, to };
        let opened = Store::open_as(place.disk.clone(), &place.keys, converting, Version(0));
        let (store, _) = opened.expect("a good directory");
        write(&store, blob, Version(2), &new);
        store.commit(&[place.stored(&a, Version(2), &new)]).expect("a good disk");
        drop(store);
        converting.write(&place.disk).expect("a good disk");
        convert(&place.disk, &place.keys, to, UnixMillis(0), |_| ()).expect("a good disk");
        let (store, _) = place.open(to);
        assert_eq!(store.is_current(&place.keys, &blob).ok(), Some(true), "to {to}");
        assert!(store.read_path(from.place(place.keys.node(), &blob)).expect("a good disk").is_none());
    }
}

#[test]
fn a_write_is_quick_while_all_stays_in_memory() {
    let (place, blob) = (Place::new(), BlobId::Own(key("a").file_name()));
    let (store, _) = place.open(Layout::Packed);
    let mut writer = store.write_blob(blob, Version(1)).expect("a good disk");
    writer.write(&[0; 10]).expect("a good disk");
    assert!(writer.is_quick(PACKED_BYTES_MAX - 10) && !writer.is_quick(PACKED_BYTES_MAX - 9));
    drop(store);
    let (store, _) = place.open(Layout::Folders);
    assert!(!store.write_blob(blob, Version(2)).expect("a good disk").is_quick(0), "it is a file");
}

#[test]
fn a_directory_that_is_refused_gets_no_folder_of_another_node() {
    let place = Place::new();
    let (store, _) = place.open(Layout::Folders);
    store.commit(&[place.stored(&key("a"), Version(1), b"content")]).expect("a good disk");
    drop(store);
    let other = Keys::derive(&MasterSecret([9; 32]));
    assert!(Store::open(place.disk.clone(), &other).is_err(), "it is not the directory of that node");
    let entries = place.disk.list(&DiskPath::root()).expect("a good disk");
    assert!(!entries.iter().any(|entry| entry.name == other.node().to_string()), "{entries:?}");
}

#[test]
fn a_quarantine_that_cannot_be_made_moves_nothing() {
    let place = Place::new();
    place.folder.close().expect("an empty folder");
    let made = obstacles::entries(&place.disk);
    assert!(matches!(made, Err(StorageError::Disk { operation: "create", .. })), "{made:?}");
}

//! What lies on the disk of a host, whichever layout its node uses. Packed blobs are read from a copy of the catalog,
//! as a start would find it: the node may run on.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use dacapo::crypto::{ContentCipher, FileName, Key, Keys, NodeId, ReplicaName, Version};
use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::limits::{LIST_PAGE_MAX, STRAYS_ASIDE_MAX};
use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Identity, Known, Origin, Recovered, Setup, Store};

use crate::disk::SimDisk;

/// The blobs of one host, each found when it is asked for first.
pub struct Contents {
    disk: SimDisk,
    /// The layouts in which blobs may lie: both, if a conversion was interrupted.
    layouts: OnceCell<Vec<Layout>>,
    /// A store on a copy of the catalog.
    copy: OnceCell<Option<Store<SimDisk>>>,
    held: OnceCell<BTreeMap<NodeId, BTreeMap<ReplicaName, u64>>>,
}

impl Contents {
    /// Reads a disk as it is until something is written to it.
    #[must_use]
    pub fn of(disk: &SimDisk) -> Self {
        let (layouts, copy, held) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { disk: disk.clone(), layouts, copy, held }
    }

    /// Returns the bytes of a replica that the node of this host holds.
    #[must_use]
    pub fn replica(&self, node: NodeId, blob: &BlobId) -> Option<Vec<u8>> {
        let packed = self.packed().and_then(|store| packed(store, blob));
        let places = || self.layouts().iter().map(|layout| layout.place(node, blob));
        packed.or_else(|| places().find_map(|place| self.disk.read(place.as_str())))
    }

    /// Returns the version of a replica in the catalog of the node of this host.
    #[must_use]
    pub fn held_version(&self, owner: NodeId, replica_name: ReplicaName) -> Option<Version> {
        Some(self.copy()?.held(owner, replica_name).ok()??.file()?.seal.version)
    }

    /// Whether the catalog of the node of this host knows nothing of an own file, not even that it was deleted.
    #[must_use]
    pub fn is_unknown(&self, keys: &Keys, key: &Key) -> bool {
        let newest = |store: &Store<SimDisk>| store.newest(Some(key), keys.replica_name(key)).ok();
        self.copy().and_then(newest).is_some_and(|newest| newest.is_none())
    }

    /// Whether a start would find the catalog damaged.
    #[must_use]
    pub fn is_catalog_damaged(&self) -> bool {
        let copy = copy_of_store(&self.disk);
        copy.is_some_and(|(_, recovered)| matches!(recovered.catalog, Origin::MadeForDamaged(_)))
    }

    /// Whether the local copy of an own file is what the catalog says of it.
    #[must_use]
    pub fn is_good_own(&self, keys: &Keys, key: &Key) -> bool {
        let record = self.copy().and_then(|store| store.own(key).ok()?);
        let bytes = self.replica(keys.node(), &BlobId::Own(key.file_name()));
        let (Some(record), Some(mut bytes)) = (record, bytes) else { return false };
        let mut cipher = ContentCipher::new(keys, record.iv);
        cipher.seal(&mut bytes);
        cipher.digest() == record.seal.digest
    }

    /// Returns an own file of which the catalog says that a local copy is here, and there is none, or a damaged one.
    #[must_use]
    pub fn lost_copy(&self, keys: &Keys) -> Option<Key> {
        let store = self.copy()?;
        let is_lost = |key: &Key, version: Version| {
            let is_to_be_here = store.copy(key.file_name()).is_ok_and(|copy| copy == Some(version));
            is_to_be_here && !self.is_good_own(keys, key)
        };
        // No plan has more files than one page.
        let page = store.list_own("", None, LIST_PAGE_MAX).ok()?;
        page.into_iter().find(|(key, record)| is_lost(key, record.seal.version)).map(|(key, _)| key)
    }

    /// Returns an own file that was deleted everywhere, and of which a local copy is here still.
    #[must_use]
    pub fn left_over(&self, keys: &Keys) -> Option<FileName> {
        // No plan deletes more files than one page.
        let page = self.copy()?.list_tombstones(None, LIST_PAGE_MAX).ok()?;
        page.into_iter().map(|(_, file)| file).find(|file| self.replica(keys.node(), &BlobId::Own(*file)).is_some())
    }

    /// Whether the file of a blob is there and cannot be read.
    #[must_use]
    pub fn is_unreadable(&self, node: NodeId, blob: &BlobId) -> bool {
        self.layouts().iter().any(|layout| self.disk.is_unreadable(layout.place(node, blob).as_str()))
    }

    /// Returns the replicas in the catalog, each with its owner and name.
    #[must_use]
    pub fn packed_replicas(&self) -> Vec<(String, Vec<u8>)> {
        let Some(store) = self.packed() else { return Vec::new() };
        let bytes = |(owner, replica_name, _): (NodeId, ReplicaName, Known)| {
            let bytes = packed(store, &BlobId::Held(owner, replica_name))?;
            Some((format!("{owner}/{replica_name}"), bytes))
        };
        all_held(store).into_iter().filter_map(bytes).collect()
    }

    /// Returns the lengths of the replicas that the catalog knows, by owner and name.
    #[must_use]
    pub fn held(&self) -> &BTreeMap<NodeId, BTreeMap<ReplicaName, u64>> {
        self.held.get_or_init(|| {
            let mut replicas: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
            for (owner, replica_name, known) in self.copy().map(all_held).unwrap_or_default() {
                let sealed = known.file().map(|record| (replica_name, record.seal.sealed_bytes()));
                replicas.entry(owner).or_default().extend(sealed);
            }
            replicas
        })
    }

    /// Whether a replica stays where it is although no record names it: the quarantine has no room for more of those.
    #[must_use]
    pub fn is_without_record_for_long(&self, owner: NodeId, replica_name: ReplicaName) -> bool {
        let is_known = |held: &BTreeMap<_, _>| held.contains_key(&replica_name);
        aside(&self.disk) >= STRAYS_ASIDE_MAX && !self.held().get(&owner).is_some_and(is_known)
    }

    fn layouts(&self) -> &[Layout] {
        // The disk itself would count the calls, and let them fail.
        self.layouts.get_or_init(|| match copy_of(&self.disk, &["layout"]).and_then(|copy| Setup::read(&copy).ok()) {
            Some(Setup::Settled(layout)) => vec![layout],
            Some(Setup::Converting { from, to }) => vec![from, to],
            None => vec![Layout::default()],
        })
    }

    fn packed(&self) -> Option<&Store<SimDisk>> {
        if self.layouts().contains(&Layout::Packed) { self.copy() } else { None }
    }

    fn copy(&self) -> Option<&Store<SimDisk>> {
        self.copy.get_or_init(|| Some(copy_of_store(&self.disk)?.0)).as_ref()
    }
}

/// Returns how many files lie in the quarantine of a disk.
#[must_use]
pub fn aside(disk: &SimDisk) -> usize {
    disk.tree().iter().filter(|(path, ..)| path.starts_with("quarantine/")).count()
}

/// Returns all that a store knows of the replicas of others, up to the first page that cannot be read.
fn all_held(store: &Store<SimDisk>) -> Vec<(NodeId, ReplicaName, Known)> {
    let mut held: Vec<(NodeId, ReplicaName, Known)> = Vec::new();
    loop {
        let after = held.last().map(|(owner, replica_name, _)| (*owner, *replica_name));
        let page = store.list_held(after, LIST_PAGE_MAX).unwrap_or_default();
        if page.is_empty() {
            return held;
        }
        held.extend(page);
    }
}

fn packed(store: &Store<SimDisk>, blob: &BlobId) -> Option<Vec<u8>> {
    let mut reader = store.read_blob(blob).ok()??;
    let mut bytes = vec![0; usize::try_from(reader.len()).ok()?];
    reader.read(&mut bytes).ok()?;
    Some(bytes)
}

/// Opens a copy of what a store needs to find its packed blobs, also if a conversion was interrupted.
fn copy_of_store(disk: &SimDisk) -> Option<(Store<SimDisk>, Recovered)> {
    let copy = copy_of(disk, &["identity", "catalog.redb"])?;
    let keys = Keys::derive(&Identity::load(&copy).ok()??);
    let either = Setup::Converting { from: Layout::Folders, to: Layout::Packed };
    Store::open_as(copy, &keys, either, Version(0)).ok()
}

/// Returns a disk with copies of these files.
fn copy_of(disk: &SimDisk, names: &[&str]) -> Option<SimDisk> {
    let copy = SimDisk::new();
    for name in names {
        let file = copy.create(&DiskPath::root().child(name)).ok()?;
        file.write_at(0, &disk.read(name)?).ok()?;
    }
    Some(copy)
}

/// What a start finds on a disk.
pub enum Reopened {
    /// The store, and the keys of its node.
    Store(Box<Store<SimDisk>>, Box<Keys>),
    /// A conversion was interrupted, and has to be taken up first.
    Converting,
    /// It cannot be opened, for this reason.
    Failed(String),
}

/// Opens the store on a disk as a start would: that settles what a crash left.
#[must_use]
pub fn reopen(disk: &SimDisk) -> Reopened {
    if matches!(Setup::read(disk), Ok(Setup::Converting { .. })) {
        return Reopened::Converting;
    }
    let mut unused = Seed::from_u64(0).rng(Lane::Identity);
    let keys = match Identity::load_or_create(disk, &mut unused) {
        Ok(identity) => Keys::derive(&identity.master),
        Err(error) => return Reopened::Failed(error.to_string()),
    };
    match Store::open(disk.clone(), &keys) {
        Ok((store, _)) => Reopened::Store(Box::new(store), Box::new(keys)),
        Err(error) => Reopened::Failed(error.to_string()),
    }
}

/// Describes the catalog on a disk in words. The catalog is opened as a start would open it: that settles what a
/// crash left.
#[must_use]
pub fn catalog(disk: &SimDisk) -> String {
    let store = match reopen(&disk.boot()) {
        Reopened::Store(store, _) => store,
        Reopened::Converting => return "catalog: the layout of the data directory is being changed".to_owned(),
        Reopened::Failed(error) => return format!("catalog: {error}"),
    };
    let listed =
        store.list_own("", None, LIST_PAGE_MAX).and_then(|own| Ok((own, store.list_held(None, LIST_PAGE_MAX)?)));
    match listed {
        Ok((own, held)) => {
            let own: Vec<_> = own.iter().map(|(key, record)| format!("{key} {}", record.seal.version)).collect();
            let own = if own.is_empty() { "no files".to_owned() } else { own.join(", ") };
            format!("catalog: {own}; {} replicas of others", held.len())
        }
        Err(error) => format!("catalog: {error}"),
    }
}

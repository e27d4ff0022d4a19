//! No flipped bit of the catalog is read as good, none stops a node, and what a damaged catalog still says is kept.

mod nodes;
mod replaced;
mod verified;

use std::io;

use dacapo::crypto::{
    ContentCipher, Iv, Key, Keys, MasterSecret, Metadata, NodeId, ReplicaName, Seal, SealedMetadata, Tombstone, Version,
};
use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Change, HeldRecord, Known, Origin, OwnRecord, Setup, StorageError, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{files_below, key};

const CATALOG: &str = "catalog.redb";

/// What a store was told, by which each answer is judged.
struct World {
    keys: Keys,
    owner: Keys,
    own: Vec<(Key, OwnRecord)>,
    deleted: Vec<(ReplicaName, Tombstone)>,
    held: Vec<(ReplicaName, Known)>,
    bytes: Vec<(BlobId, Vec<u8>)>,
}

fn content(number: u64) -> Vec<u8> {
    vec![u8::try_from(number).expect("small"); 200]
}

fn sealed(keys: &Keys, key: &Key, version: u64) -> (Seal, Iv, Vec<u8>) {
    let iv = Iv([u8::try_from(version % 251).expect("small"); 16]);
    let mut bytes = content(version % 251);
    let mut cipher = ContentCipher::new(keys, iv);
    cipher.seal(&mut bytes);
    let metadata = Metadata { key: key.clone(), size: 200, modified: UnixMillis(0), attributes: None };
    let metadata = SealedMetadata::seal(keys, iv, &metadata);
    let seal = Seal::new(keys, keys.replica_name(key), Version(version), 200, cipher.digest(), metadata);
    (seal, iv, [iv.0.as_slice(), &bytes].concat())
}

impl World {
    fn new() -> Self {
        Self::with(24)
    }

    /// Has so many files of each kind.
    fn with(count: u64) -> Self {
        let keys = Keys::derive(&MasterSecret([7; 32]));
        let owner = Keys::derive(&MasterSecret([8; 32]));
        let mut world = Self { keys, owner, own: vec![], deleted: vec![], held: vec![], bytes: vec![] };
        for number in 1..=count {
            let key = key(&format!("a file of this node, number {number}"));
            let (seal, iv, _) = sealed(&world.keys, &key, number);
            world.bytes.push((BlobId::Own(key.file_name()), content(number)));
            world.own.push((key, OwnRecord { seal, iv, modified: UnixMillis(0) }));
            let deleted = self::key(&format!("a deleted file, number {number}"));
            let replica_name = world.keys.replica_name(&deleted);
            world.deleted.push((replica_name, Tombstone::new(&world.keys, replica_name, Version(100 + number))));
            let key = self::key(&format!("a file of another node, number {number}"));
            let replica_name = world.owner.replica_name(&key);
            let (seal, _, bytes) = sealed(&world.owner, &key, number);
            world.bytes.push((BlobId::Held(world.owner.node(), replica_name), bytes));
            let record = HeldRecord { seal, stored: UnixMillis(0), verified: UnixMillis(0) };
            world.held.push((replica_name, Known::File(record)));
        }
        world
    }

    /// How many records `judge` asks for.
    fn records(&self) -> usize {
        self.own.len() + self.deleted.len() + self.held.len()
    }

    fn owner(&self) -> NodeId {
        self.owner.node()
    }

    /// Makes a data directory that has all of it.
    fn fill(&self, layout: Layout) -> SimDisk {
        let disk = SimDisk::new();
        Setup::Settled(layout).write(&disk).expect("written");
        let (store, _) = Store::open(disk.boot(), &self.keys).expect("opened");
        let own = self
            .own
            .iter()
            .map(|(key, record)| Change::Own(key.clone(), self.keys.replica_name(key), Box::new(record.clone())));
        let held = self.held.iter().map(|(name, known)| Change::Held(self.owner(), *name, Box::new(known.clone())));
        for (change, (blob, bytes)) in own.zip(held).flat_map(|(own, held)| [own, held]).zip(&self.bytes) {
            let mut writer = store.write_blob(*blob, Version(1)).expect("begun");
            writer.write(bytes).expect("written");
            store.stage(&writer, true).expect("staged");
            let changes: Vec<_> = [change].into_iter().chain(store.packed(&mut writer)).collect();
            assert!(store.commit(&changes).expect("committed"));
            if writer.is_file() {
                store.publish(&writer).expect("published");
            }
        }
        for (name, tombstone) in &self.deleted {
            assert!(store.commit(&[Change::Deleted(*name, *tombstone)]).expect("committed"));
        }
        store.skip_versions(Version(5000)).expect("reserved");
        drop(store);
        disk
    }

    /// Reads all that the store says. Returns how many answers are missing, or which one is wrong.
    fn judge(&self, store: &Store<impl Disk>) -> Result<usize, String> {
        let mut missing = 0;
        for (key, record) in &self.own {
            missing += may_be(&format!("own {key}"), store.own(key), record)?;
        }
        for (name, tombstone) in &self.deleted {
            missing += may_be(&format!("tombstone {name}"), store.tombstone(*name), tombstone)?;
        }
        for (name, known) in &self.held {
            missing += may_be(&format!("held {name}"), store.held(self.owner(), *name), known)?;
        }
        for (blob, bytes) in &self.bytes {
            let found = store.read_blob(blob).and_then(|reader| {
                let Some(mut reader) = reader else { return Ok(None) };
                let mut read = vec![0; 1000];
                let count = reader.read(&mut read)?;
                read.truncate(count);
                Ok(Some(read))
            });
            missing += may_be(&format!("bytes of {blob:?}"), found, bytes)?;
        }
        let listed = store.list_own("", None, 1000).or_else(|_| store.list_own("", None, 1000));
        for found in listed.map_err(|error| format!("list: {error}"))? {
            if !self.own.contains(&found) {
                return Err(format!("list: {found:?} is not what was stored"));
            }
        }
        Ok(missing)
    }
}

/// Judges one answer: it may be right, or be missing, or fail once, because the next use of the store mends it.
fn may_be<T: PartialEq>(what: &str, found: Result<Option<T>, StorageError>, right: &T) -> Result<usize, String> {
    match found {
        Ok(Some(found)) if found == *right => Ok(0),
        Ok(Some(_)) => Err(format!("{what} is not what was stored")),
        Ok(None) | Err(StorageError::Catalog(_)) => Ok(1),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// Returns a disk with the same files.
pub(crate) fn fork(disk: &SimDisk) -> SimDisk {
    let copy = SimDisk::new();
    for (path, kind, _) in disk.tree() {
        let place = path.split('/').fold(DiskPath::root(), |place, name| place.child(name));
        match kind {
            EntryKind::File => {
                let bytes = disk.read(&path).expect("a file");
                copy.create(&place).and_then(|file| file.write_at(0, &bytes)).expect("written");
            }
            _ => copy.make_dir(&place).expect("made"),
        }
    }
    copy
}

/// Returns the bytes of a catalog that are not in a hole, thinned out.
fn bytes_to_flip(catalog: &[u8], step: usize) -> Vec<u64> {
    let pages = catalog.chunks(512).enumerate().filter(|(_, page)| page.iter().any(|byte| *byte != 0));
    let bytes = pages.flat_map(|(number, page)| number * 512..number * 512 + page.len());
    bytes.step_by(step).map(|byte| byte as u64).collect()
}

/// What flipped bits have done, each alone.
#[derive(Default)]
struct Flips {
    count: usize,
    /// How many of them took every record.
    took_all: usize,
    failures: Vec<String>,
}

impl Flips {
    fn check(&self, what: &str) {
        let Self { count, failures, .. } = self;
        let shown = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(failures.is_empty(), "{what}: {} of {count} bits:\n{shown}", failures.len());
    }
}

/// Flips bits of a catalog one after the other, opens the store, and judges what it says.
fn flip_each(world: &World, whole: &SimDisk, step: usize) -> Flips {
    let mut flips = Flips::default();
    for byte in bytes_to_flip(&whole.read(CATALOG).expect("there"), step) {
        let disk = fork(whole);
        disk.corrupt(CATALOG, byte).expect("flipped");
        let opened = std::panic::catch_unwind(|| {
            // A node gives the time of day here.
            let opened = Store::open_above(disk.boot(), &world.keys, Version(1_000_000));
            let (store, recovered) = opened.map_err(|error| error.to_string())?;
            let missing = world.judge(&store)?;
            // What failed once is mended, and what the store says from here on it says without a failure.
            world.judge(&store)?;
            let next = store.next_version(UnixMillis(0), ReplicaName([0; 16])).map_err(|error| error.to_string())?;
            match recovered.catalog {
                _ if next <= Version(5000) => Err(format!("{next} was handed out before")),
                _ if next > Version(2_000_000) => Err(format!("{next} is a number that nothing has reserved")),
                Origin::Found if missing > 0 && files_below(&disk, "quarantine").is_empty() => {
                    Err(format!("{missing} answers are missing, and nothing says why"))
                }
                _ => Ok(missing >= world.records()),
            }
        });
        match opened {
            Err(_) => flips.failures.push(format!("byte {byte}: a panic")),
            Ok(Err(why)) => flips.failures.push(format!("byte {byte}: {why}")),
            Ok(Ok(took_all)) => flips.took_all += usize::from(took_all),
        }
        flips.count += 1;
    }
    flips
}

/// Returns a directory whose node was killed after its last commit.
fn killed(world: &World, layout: Layout) -> SimDisk {
    let disk = world.fill(layout);
    let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
    store.skip_versions(Version(5001)).expect("reserved");
    let (key, record) = &world.own[0];
    let again = Change::Own(key.clone(), world.keys.replica_name(key), Box::new(record.clone()));
    assert!(store.commit(&[again]).expect("committed"));
    disk.kill();
    disk
}

/// Returns a directory whose node was killed after some commits, the last of which has failed; and how many calls of
/// the disk they made. Between them `fault` gets their number and how many calls there were before the first.
fn failed(world: &World, whole: &SimDisk, fault: impl Fn(&FaultDisk, usize, usize)) -> (SimDisk, usize) {
    let disk = fork(whole);
    disk.boot().sync_all().expect("synced");
    let faulty = FaultDisk::new(&disk, None);
    let (store, _) = Store::open(faulty.clone(), &world.keys).expect("opened");
    let before = faulty.calls().len();
    // The first that fails is the last: a later one would write the file anew.
    let commit_twice = |number| {
        fault(&faulty, number, before);
        store.skip_versions(Version(store.last_version().0 + 10_000))?;
        store.next_version(UnixMillis(0), ReplicaName([0; 16])).map(drop)
    };
    drop((0..8).try_for_each(commit_twice));
    disk.kill();
    (disk, faulty.calls().len() - before)
}

fn check_flips(world: &World, make: impl Fn(Layout) -> SimDisk) {
    // Packed, a record and its bytes can rot apart from each other.
    for (layout, step) in [(Layout::Folders, 307), (Layout::Packed, 101)] {
        let flips = flip_each(world, &make(layout), step);
        assert!(flips.count > 70, "{} bits are not enough", flips.count);
        flips.check(&layout.to_string());
    }
}

#[test]
fn no_flipped_bit_of_a_closed_catalog_is_read_as_good_or_stops_a_start() {
    let world = World::new();
    check_flips(&world, |layout| world.fill(layout));
}

#[test]
fn no_flipped_bit_of_a_catalog_is_read_as_good_or_stops_a_start_after_a_kill() {
    let world = World::new();
    check_flips(&world, |layout| killed(&world, layout));
}

#[test]
fn no_flipped_bit_of_a_catalog_is_read_as_good_or_stops_a_start_after_a_failed_call() {
    // Each table has one page, so a page in the place of another would be a whole table.
    let world = World::with(1);
    let whole = world.fill(Layout::Folders);
    let (_, calls) = failed(&world, &whole, |_, _, _| ());
    assert!(calls > 40, "{calls} calls are not enough");
    let (mut flipped, mut took_all) = (0, 0);
    for call in 0..calls {
        let error = Fault::Error(io::ErrorKind::StorageFull);
        let (disk, _) = failed(&world, &whole, |disk, _, before| disk.fail_at(before + call, error));
        let flips = flip_each(&world, &disk, 307);
        flips.check(&format!("call {call}"));
        (flipped, took_all) = (flipped + flips.count, took_all + flips.took_all);
    }
    // The page with the names of all tables takes all. Salvaged from the failed commit alone, one bit of seven would.
    assert!(took_all * 10 < flipped, "{took_all} of {flipped} bits took every record");
}

#[test]
fn no_flipped_bit_of_a_catalog_is_read_as_good_or_stops_a_start_after_its_disk_was_full() {
    let world = World::with(1);
    let whole = world.fill(Layout::Folders);
    for commit in 0..8 {
        let fill_up = |disk: &FaultDisk, number: usize, _| {
            if number == commit {
                disk.fill_up();
            }
        };
        let (disk, _) = failed(&world, &whole, fill_up);
        let flips = flip_each(&world, &disk, 307);
        flips.check(&format!("commit {commit}"));
        // The page with the names of all tables takes all, and no other.
        let Flips { count, took_all, .. } = flips;
        assert!(took_all * 10 < count, "commit {commit}: {took_all} of {count} bits took every record");
    }
}

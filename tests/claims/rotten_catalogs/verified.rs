//! A catalog that is whole is verified as whole, whatever else goes on, and no write that was lost is missed.

use std::ops::Range;
use std::thread;

use dacapo::crypto::Version;
use dacapo::disk::Disk;
use dacapo::limits::COMPACT_BYTES_MIN;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Change, Origin, OwnRecord, Setup, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use super::{CATALOG, World, fork, sealed};
use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{files_below, key};

/// Where the pages begin in the file.
const HEAD_BYTES: u64 = 12_288;
/// Where the head has the two states of redb's header.
const STATES: [u64; 2] = [3584, 7680];

/// Makes files that lie in the catalog, 50 in each commit.
fn fill(store: &Store<impl Disk>, world: &World, numbers: Range<u64>, bytes: usize) {
    let numbers: Vec<_> = numbers.collect();
    for numbers in numbers.chunks(50) {
        let changes = numbers.iter().flat_map(|number| {
            let key = key(&format!("file {number}"));
            let (seal, iv, _) = sealed(&world.keys, &key, *number);
            let blob = BlobId::Own(key.file_name());
            let record = OwnRecord { seal, iv, modified: UnixMillis(0) };
            let own = Change::Own(key.clone(), world.keys.replica_name(&key), Box::new(record));
            [own, Change::Object(blob, Some(vec![7; bytes].into()))]
        });
        let changes: Vec<_> = changes.collect();
        assert!(store.commit(&changes).expect("committed"));
    }
}

#[test]
fn a_whole_catalog_is_verified_beside_commits_and_after_it_was_made_smaller() {
    let world = World::with(1);
    let disk = SimDisk::new();
    Setup::Settled(Layout::Packed).write(&disk).expect("written");
    let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
    fill(&store, &world, 1..500, 60_000);
    let verified = thread::scope(|scope| {
        let commits = scope.spawn(|| fill(&store, &world, 500..8_000, 20));
        let mut verified = 0;
        while !commits.is_finished() {
            store.verify_catalog().expect("verified");
            verified += 1;
        }
        verified
    });
    assert!(verified > 3, "{verified} times is not enough");
    for number in 1..500 {
        store
            .commit(&[Change::Object(BlobId::Own(key(&format!("file {number}")).file_name()), None)])
            .expect("removed");
    }
    assert!(store.compact_catalog(COMPACT_BYTES_MIN).expect("compacted").is_some());
    store.verify_catalog().expect("verified");
    store.skip_versions(Version(9_000)).expect("reserved");
    store.verify_catalog().expect("verified");
    drop(store);
    let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
    store.verify_catalog().expect("verified");
    assert_eq!(files_below(&disk, "quarantine"), Vec::<String>::new());
}

/// What a store does while one write of its disk is lost.
type Work = fn(&World, &Store<FaultDisk>);

/// Writes all own records again.
fn write_again(world: &World, store: &Store<FaultDisk>) {
    for (key, record) in &world.own {
        // A page that cannot be read may keep a commit from its end.
        let again = Change::Own(key.clone(), world.keys.replica_name(key), Box::new(record.clone()));
        drop(store.commit(&[again]));
    }
}

/// A store that has done something, one write of which was lost.
struct Rewritten {
    disk: SimDisk,
    store: Store<FaultDisk>,
    /// The calls of the disk meanwhile.
    calls: Vec<String>,
}

impl Rewritten {
    fn new(world: &World, whole: &SimDisk, work: Work, lost: Option<usize>) -> Self {
        let disk = fork(whole);
        let faulty = FaultDisk::new(&disk, None);
        let (store, _) = Store::open(faulty.clone(), &world.keys).expect("opened");
        let before = faulty.calls().len();
        if let Some(call) = lost {
            faulty.fail_at(before + call, Fault::Lost);
        }
        work(world, &store);
        let calls = faulty.calls().split_off(before);
        Self { disk, store, calls }
    }

    /// Makes a store for each write to the catalog that is meant, by where it begins and by the catalog at the end, and
    /// lets it be lost.
    fn each(world: &World, whole: &SimDisk, work: Work, is_meant: fn(u64, &[u8]) -> bool) -> Vec<(usize, Self)> {
        let Self { disk, calls, .. } = Self::new(world, whole, work, None);
        let catalog = disk.read(CATALOG).expect("there");
        let position = |call: &String| call.strip_prefix("write catalog.redb ")?.split(' ').next()?.parse().ok();
        let is_meant = |call: &String| position(call).is_some_and(|position| is_meant(position, &catalog));
        let writes = calls.iter().enumerate().filter(|(_, call)| is_meant(call));
        writes.map(|(call, _)| (call, Self::new(world, whole, work, Some(call)))).collect()
    }

    fn aside(&self) -> Vec<String> {
        files_below(&self.disk, "quarantine")
    }
}

#[test]
fn a_page_that_never_came_to_its_place_is_found_when_the_catalog_is_verified() {
    let world = World::with(8);
    let whole = world.fill(Layout::Folders);
    let lost = Rewritten::each(&world, &whole, write_again, |position, _| position >= HEAD_BYTES);
    let (mut found, mut found_late) = (0, 0);
    for (call, rewritten) in &lost {
        let (early, bytes) = (rewritten.aside(), rewritten.disk.read(CATALOG));
        rewritten.store.verify_catalog().expect("verified, or replaced and verified");
        let judged = world.judge(&rewritten.store);
        assert!(judged.is_ok(), "call {call}: {judged:?}");
        let aside = rewritten.aside();
        if early.is_empty() && !aside.is_empty() {
            found_late += 1;
            let is_as_found = rewritten.disk.read(&aside[0]) == bytes;
            assert!(is_as_found, "call {call}: the damaged catalog was written to before it was set aside");
        }
        found += aside.len();
        rewritten.store.verify_catalog().expect("verified");
        rewritten.disk.kill();
        let (store, _) = Store::open(rewritten.disk.boot(), &world.keys).expect("opened");
        store.verify_catalog().expect("verified");
        assert_eq!(rewritten.aside(), aside, "call {call}: it is damaged still");
    }
    // What a later commit has written again is whole.
    let lost = lost.len();
    assert!(lost > 30 && found > 5 && found_late > 2, "{found} of {lost} lost writes were found, {found_late} late");
}

#[test]
fn a_page_that_never_came_to_its_place_is_found_at_the_next_start() {
    let world = World::with(8);
    let whole = world.fill(Layout::Folders);
    let mut found = 0;
    for (call, rewritten) in Rewritten::each(&world, &whole, write_again, |position, _| position >= HEAD_BYTES) {
        let Rewritten { disk, store, .. } = rewritten;
        drop(store);
        let early = files_below(&disk, "quarantine").len();
        let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
        let judged = world.judge(&store);
        assert!(judged.is_ok(), "call {call}: {judged:?}");
        let aside = files_below(&disk, "quarantine").len();
        store.verify_catalog().expect("verified");
        assert_eq!(files_below(&disk, "quarantine").len(), aside, "call {call}: it was damaged at the start");
        found += aside - early;
    }
    assert!(found > 2, "{found} were found");
}

#[test]
fn a_header_that_never_came_to_its_place_is_written_again_when_the_catalog_is_verified() {
    let world = World::with(8);
    let whole = world.fill(Layout::Folders);
    let lost = Rewritten::each(&world, &whole, write_again, |position, _| STATES.contains(&position));
    assert!(lost.len() >= 8, "{} headers are not enough", lost.len());
    for (call, rewritten) in lost {
        rewritten.store.verify_catalog().expect("verified");
        rewritten.disk.kill();
        let (store, recovered) = Store::open(rewritten.disk.boot(), &world.keys).expect("opened");
        assert_eq!((recovered.catalog, world.judge(&store)), (Origin::Found, Ok(0)), "call {call}");
        assert_eq!(rewritten.aside(), Vec::<String>::new(), "call {call}");
    }
}

#[test]
fn a_header_that_never_came_to_its_place_takes_no_more_than_its_commit() {
    let world = World::with(8);
    let whole = world.fill(Layout::Folders);
    let mut replaced = 0;
    for (call, rewritten) in Rewritten::each(&world, &whole, write_again, |position, _| STATES.contains(&position)) {
        rewritten.disk.kill();
        let (store, recovered) = Store::open(rewritten.disk.boot(), &world.keys).expect("opened");
        assert_eq!(world.judge(&store), Ok(0), "call {call}");
        replaced += usize::from(recovered.catalog != Origin::Found);
    }
    assert_eq!(replaced, 1, "only the header of the last commit is missed");
}

#[test]
fn a_branch_that_never_came_to_its_place_is_found_above_small_files_too() {
    const BRANCH: u8 = 2;
    let world = World::with(1);
    let whole = SimDisk::new();
    Setup::Settled(Layout::Packed).write(&whole).expect("written");
    let (store, _) = Store::open(whole.boot(), &world.keys).expect("opened");
    fill(&store, &world, 1..1000, 20);
    drop(store);
    let is_branch = |position: u64, catalog: &[u8]| {
        position >= HEAD_BYTES && catalog[usize::try_from(position).expect("small")] == BRANCH
    };
    let lost = Rewritten::each(&world, &whole, |world, store| fill(store, world, 500..501, 21), is_branch);
    assert!(lost.len() >= 3, "{} branches: of the files, of their names, and of their bytes", lost.len());
    for (call, rewritten) in lost {
        rewritten.store.verify_catalog().expect("replaced and verified");
        assert_eq!(rewritten.aside().len(), 1, "call {call}");
    }
}

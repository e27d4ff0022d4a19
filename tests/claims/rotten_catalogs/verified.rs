//! A catalog that is whole is verified as whole, whatever else goes on.

use std::thread;

use dacapo::crypto::Version;
use dacapo::disk::Disk;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Change, OwnRecord, Setup, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use super::{World, sealed};
use crate::support::in_memory::{files_below, key};

/// Makes files that lie in the catalog, 50 in each commit.
fn fill(store: &Store<impl Disk>, world: &World, numbers: std::ops::Range<u64>, bytes: usize) {
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
    assert!(store.compact_catalog().expect("compacted").is_some());
    store.verify_catalog().expect("verified");
    store.skip_versions(Version(9_000)).expect("reserved");
    store.verify_catalog().expect("verified");
    drop(store);
    let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
    store.verify_catalog().expect("verified");
    assert_eq!(files_below(&disk, "quarantine"), Vec::<String>::new());
}

//! The catalog never goes back: neither behind a version that it has recorded, nor behind a version number that it has
//! given out.

use std::io;

use dacapo::crypto::{
    Digest, Iv, Key, Keys, MasterSecret, Metadata, NodeId, ReplicaName, Seal, SealedMetadata, Tombstone, Version,
};
use dacapo::disk::{Disk, DiskPath};
use dacapo::replication::Summary;
use dacapo::store::{Change, HeldRecord, Known, OwnRecord, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{HOLDER, Network, OWNER, Pair, connected, get, key, put, run, stop};

fn keys() -> Keys {
    Keys::derive(&MasterSecret([7; 32]))
}

fn seal(version: u64, digest: u8) -> Seal {
    let (keys, key) = (keys(), key("a"));
    let metadata = Metadata { key: key.clone(), size: 1, modified: UnixMillis(0), attributes: None };
    let metadata = SealedMetadata::seal(&keys, Iv([0; 16]), &metadata);
    Seal::new(&keys, keys.replica_name(&key), Version(version), 1, Digest([digest; 32]), metadata)
}

fn stored(version: u64, digest: u8) -> Change {
    let key: Key = key("a");
    let record = OwnRecord { seal: seal(version, digest), iv: Iv([0; 16]), modified: UnixMillis(0) };
    Change::Own(key.clone(), keys().replica_name(&key), Box::new(record))
}

fn replica_name() -> ReplicaName {
    keys().replica_name(&key("a"))
}

fn tombstone(version: u64) -> Tombstone {
    Tombstone::new(&keys(), replica_name(), Version(version))
}

fn held(version: u64, digest: u8) -> Change {
    let record = HeldRecord { seal: seal(version, digest), stored: UnixMillis(0), verified: UnixMillis(0) };
    Change::Held(NodeId([9; 32]), replica_name(), Box::new(Known::File(record)))
}

fn held_tombstone(version: u64) -> Change {
    Change::Held(NodeId([9; 32]), replica_name(), Box::new(Known::Deleted(tombstone(version))))
}

/// Asserts that the summaries that a store keeps up to date are those that a new store makes from the whole catalog.
fn check_summaries(store: &Store<SimDisk>, disk: &SimDisk) {
    let (again, _) = Store::open(copy(disk), &keys()).expect("opened");
    for whose in [None, Some(NodeId([9; 32]))] {
        let print = |store: &Store<SimDisk>| store.summary(whose, Summary::print).expect("readable");
        assert!(print(store) == print(&again), "{whose:?}");
    }
}

fn copy(disk: &SimDisk) -> SimDisk {
    let copy = SimDisk::new();
    let file = copy.create(&DiskPath::root().child("catalog.redb")).expect("created");
    dacapo::disk::DiskFile::write_at(&file, 0, &disk.read("catalog.redb").expect("there")).expect("written");
    copy
}

#[test]
fn an_older_change_never_takes_the_place_of_a_newer_one() {
    let disk = SimDisk::new();
    let (store, _) = Store::open(disk.boot(), &keys()).expect("opened");
    for whose in [None, Some(NodeId([9; 32]))] {
        store.summary(whose, Summary::print).expect("made, and kept up to date from here on");
    }
    let deleted = |version| Change::Deleted(replica_name(), tombstone(version));
    let cases = [
        (stored(5, 1), true),
        (stored(5, 1), true),
        (stored(5, 2), false),
        (stored(4, 1), false),
        (deleted(4), false),
        (deleted(5), false),
        (deleted(6), true),
        (stored(6, 1), false),
        (stored(3, 1), false),
        (stored(7, 1), true),
        (held(5, 1), true),
        (held(5, 2), false),
        (held(4, 1), false),
        (held_tombstone(5), false),
        (held_tombstone(6), true),
        (held(6, 1), false),
        (held(7, 1), true),
    ];
    for (change, is_made) in cases {
        assert_eq!(store.commit(std::slice::from_ref(&change)).expect("no error"), is_made, "{change:?}");
        check_summaries(&store, &disk);
    }
    let known = store.own(&key("a")).expect("readable").expect("stored last");
    assert_eq!(known.seal.version, Version(7));
}

#[test]
fn of_a_group_that_goes_back_nothing_is_made_and_of_the_others_all() {
    let (store, _) = Store::open(SimDisk::new(), &keys()).expect("opened");
    let older = [stored(4, 1), Change::VersionCeiling(99)];
    let groups: [&[Change]; 3] = [&[stored(5, 1)], &older, &[held(1, 1)]];
    assert_eq!(store.commit_each(&groups).expect("no error"), [true, false, true]);
    assert_eq!(store.own(&key("a")).expect("readable").expect("stored").seal.version, Version(5));
    assert!(store.held(NodeId([9; 32]), replica_name()).expect("readable").is_some());
    let next = store.next_version(UnixMillis(0), replica_name()).expect("reserved");
    assert!(next < Version(99), "the ceiling is where it was");
}

/// Stores a file, loses the catalog, and lets one call of the next start fail or end the host. Returns the version that
/// the node gave before and the one that it gives after another start.
async fn next_version_after(call: usize, fault: Fault) -> (Version, Version) {
    let (network, disk) = (Network::default(), SimDisk::new());
    let node = network.start(5000, &disk, &[]).await;
    let before = put(&node.handle(), "a", vec![1; 22]).await.version;
    stop(node).await;
    disk.boot().remove(&DiskPath::root().child("catalog.redb")).expect("it is lost");
    if let Ok(node) = network.try_start(5000, FaultDisk::new(&disk, Some((call, fault))), &[]).await {
        stop(node).await;
    }
    let node = network.start(5000, &disk, &[]).await;
    let after = put(&node.handle(), "a", vec![2; 22]).await.version;
    stop(node).await;
    (before, after)
}

#[test]
fn versions_go_on_above_all_earlier_ones_wherever_the_start_after_a_lost_catalog_dies() {
    let calls = run(async {
        let disk = FaultDisk::new(&SimDisk::new(), None);
        let node = Network::default().try_start(5000, disk.clone(), &[]).await.expect("it starts");
        stop(node).await;
        disk.calls().len()
    });
    for call in 0..calls {
        for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::Error(io::ErrorKind::Other)] {
            let (before, after) = run(next_version_after(call, fault));
            assert!(after > before, "{fault:?} at call {call}: {after} after {before}");
        }
    }
}

/// Returns catalogs with every kind of damage, and the name of each.
fn damaged(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut flipped = bytes.to_vec();
    flipped.iter_mut().step_by(4096).for_each(|byte| *byte ^= 0xff);
    vec![
        ("emptied", Vec::new()),
        ("cut in the middle of a page", bytes[..5000].to_vec()),
        ("cut to half", bytes[..bytes.len() / 2].to_vec()),
        ("zeros", vec![0; bytes.len()]),
        ("something else", b"not a database ".iter().copied().cycle().take(bytes.len()).collect()),
        ("one byte of each page", flipped),
    ]
}

#[test]
fn files_are_learnt_again_from_a_peer_where_the_catalog_is_damaged() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &SimDisk::new()).await;
        let before = put(&owner.handle(), "a", vec![1; 22]).await.version;
        stop(owner).await;
        for (what, bytes) in damaged(&disk.read("catalog.redb").expect("there")) {
            let path = DiskPath::root().child("catalog.redb");
            disk.boot().remove(&path).expect("there");
            let file = disk.boot().create(&path).expect("created");
            dacapo::disk::DiskFile::write_at(&file, 0, &bytes).expect("written");
            let node = network.start(OWNER, &disk, &[HOLDER]).await;
            connected(&node.handle(), 1).await;
            tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            assert_eq!(node.handle().list(None).await.expect("readable").len(), 1, "{what}: the name is learnt again");
            assert_eq!(get(&node.handle(), "a").await, vec![1; 22], "{what}");
            let after = put(&node.handle(), "b", vec![2; 22]).await.version;
            assert!(after > before, "{what}: {after} after {before}");
            node.handle().delete_everywhere(&key("b")).await.expect("deleted");
            assert!(disk.read("quarantine/catalog.redb").is_some(), "{what}: the damaged catalog is kept");
            stop(node).await;
        }
        stop(holder).await;
    });
}

#[test]
fn a_catalog_that_the_disk_cannot_read_is_left_alone() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let node = network.start(5000, &disk, &[]).await;
        put(&node.handle(), "a", vec![1; 22]).await;
        stop(node).await;
        let failing = FaultDisk::new(&disk, None);
        failing.arm("read catalog", Fault::Error(io::ErrorKind::Other));
        let error = network.try_start(5000, failing, &[]).await.err().expect("the catalog cannot be read");
        assert!(error.contains("the catalog failed"), "{error}");
        let node = network.start(5000, &disk, &[]).await;
        assert_eq!(get(&node.handle(), "a").await, vec![1; 22]);
        stop(node).await;
    });
}

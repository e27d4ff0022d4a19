//! Scrubs: in the background soon after each start, from where the last one stopped; what they remember, and what they
//! clean up.

use std::time::Duration;

use dacapo::crypto::{
    Digest, Iv, Key, Keys, MasterSecret, Metadata, NodeId, ReplicaName, Seal, SealedMetadata, Version,
};
use dacapo::event::Event;
use dacapo::limits::{COMPACT_BYTES_MIN, STRAYS_ASIDE_MAX};
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Change, HeldRecord, Known, ScrubPosition, ScrubState, Setup, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{HOLDER, Network, connected, files_below, get, key, put, run, scrub, stop};

fn scrubbed(network: &Network) -> Vec<u64> {
    let checked = |event: &Event| match event {
        Event::Scrubbed { checked, .. } => Some(*checked),
        _ => None,
    };
    network.events.borrow().iter().filter_map(checked).collect()
}

/// Flips a bit of the only file of this length.
fn rot(disk: &SimDisk, bytes: u64) {
    let is_file = |len: u64, path: &str| len == bytes && path.contains('/');
    let file = disk.tree().into_iter().find(|(path, _, len)| is_file(*len, path)).expect("there").0;
    disk.corrupt(&file, 0).expect("flipped");
}

#[test]
fn a_node_that_runs_for_a_quarter_of_an_hour_has_scrubbed() {
    run(async {
        let (network, owner, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&owner, &holder).await;
        put(&pair.owner.handle(), "a", vec![1; 5000]).await;
        assert_eq!(pair.owner.handle().status().await.expect("readable").last_scrub, None);
        rot(&owner, 5000);
        tokio::time::sleep(Duration::from_secs(15 * 60)).await;
        assert!(pair.owner.handle().status().await.expect("readable").last_scrub.is_some());
        let is_damage = |event: &Event| matches!(event, Event::FileDamaged { .. });
        assert!(network.events.borrow().iter().any(is_damage), "it was found before anybody asked for it");
        assert_eq!(get(&pair.owner.handle(), "a").await, vec![1; 5000]);
        pair.stop().await;
        // The next start knows that everything was looked at.
        let before = scrubbed(&network).len();
        let pair = network.pair(&owner, &holder).await;
        tokio::time::sleep(Duration::from_secs(15 * 60)).await;
        assert_eq!(scrubbed(&network).len(), before);
        assert!(pair.owner.handle().status().await.expect("readable").last_scrub.is_some());
        pair.stop().await;
    });
}

#[test]
fn a_scrub_goes_on_where_the_start_before_stopped() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let node = network.start(5000, &disk, &[]).await;
        for name in ["a", "b", "c", "d", "e"] {
            put(&node.handle(), name, vec![1; 5000]).await;
        }
        stop(node).await;
        let master = dacapo::store::Identity::load_or_create(&disk.boot(), &mut rng()).expect("there").master;
        let (store, _) = Store::open(disk.boot(), &Keys::derive(&master)).expect("opened");
        let position = Some(ScrubPosition::Own(key("b")));
        assert!(store.commit(&[Change::Scrub(ScrubState { position, ended: None })]).expect("committed"));
        drop(store);
        let node = network.start(5000, &disk, &[]).await;
        tokio::time::sleep(Duration::from_secs(15 * 60)).await;
        assert_eq!(scrubbed(&network), [3]);
        assert_eq!(scrub(&node.handle()).await.checked, 5, "on demand it looks at everything");
        stop(node).await;
    });
}

fn rng() -> dacapo::seed::SeedRng {
    dacapo::seed::Seed::from_u64(1).rng(dacapo::node::Lane::Identity)
}

fn keys() -> Keys {
    Keys::derive(&MasterSecret([7; 32]))
}

const OWNER: NodeId = NodeId([9; 32]);

fn replica(name: u8, version: u64) -> (BlobId, Change) {
    let key: Key = key("a");
    let metadata = Metadata { key, size: 1, modified: UnixMillis(0), attributes: None };
    let metadata = SealedMetadata::seal(&keys(), Iv([0; 16]), &metadata);
    let name = ReplicaName([name; 16]);
    let seal = Seal::new(&keys(), name, Version(version), 1, Digest([1; 32]), metadata);
    let record = HeldRecord { seal, stored: UnixMillis(5), verified: UnixMillis(5) };
    (BlobId::Held(OWNER, name), Change::Held(OWNER, name, Box::new(Known::File(record))))
}

fn verified(store: &Store<SimDisk>) -> u64 {
    let known = store.held(OWNER, ReplicaName([1; 16])).expect("readable").expect("there");
    known.file().expect("a file").verified.0
}

#[test]
fn that_a_replica_was_compared_is_durable_for_the_version_that_was() {
    let disk = SimDisk::new();
    let (store, _) = Store::open(disk.boot(), &keys()).expect("opened");
    assert!(store.commit(&[replica(1, 3).1]).expect("committed"));
    let compared = |version, at| Change::Verified(OWNER, ReplicaName([1; 16]), Version(version), UnixMillis(at));
    for (change, after) in [(compared(2, 9), 5), (compared(3, 8), 8), (compared(3, 7), 8)] {
        assert!(store.commit(&[change]).expect("committed"));
        assert_eq!(verified(&store), after);
    }
    drop(store);
    assert_eq!(verified(&Store::open(disk.boot(), &keys()).expect("opened").0), 8);
}

/// Keeps bytes as a blob, with changes of the catalog.
fn keep(store: &Store<SimDisk>, blob: BlobId, bytes: &[u8], change: Option<Change>) {
    let mut writer = store.write_blob(blob, Version(1)).expect("begun");
    writer.write(bytes).expect("written");
    store.stage(&writer, true).expect("staged");
    let changes: Vec<_> = change.into_iter().chain(store.packed(&mut writer)).collect();
    assert!(store.commit(&changes).expect("committed"));
    if writer.is_file() {
        store.publish(&writer).expect("published");
    }
}

#[test]
fn a_scrub_sets_replicas_without_a_record_aside_and_keeps_own_files() {
    for (layout, name) in Layout::ALL {
        for (bytes, replicas) in [(17, 3), (100_000, 3), (17, STRAYS_ASIDE_MAX + 2)] {
            let network = Network::of(layout);
            let disk = SimDisk::new();
            run(async { stop(network.start(5000, &disk, &[]).await).await });
            let master = dacapo::store::Identity::load_or_create(&disk.boot(), &mut rng()).expect("there").master;
            let (store, _) = Store::open(disk.boot(), &Keys::derive(&master)).expect("opened");
            let own = BlobId::Own(dacapo::crypto::FileName([3; 20]));
            keep(&store, own, &vec![3; bytes], None);
            for number in 1..=u8::try_from(replicas).expect("few") {
                keep(&store, replica(number, 1).0, &vec![number; bytes], None);
            }
            drop(store);
            run(async {
                let node = network.start(5000, &disk, &[]).await;
                let result = scrub(&node.handle()).await;
                assert_eq!((result.damaged, result.failed), (0, 0), "{name}, {bytes}");
                stop(node).await;
            });
            let staying = replicas.saturating_sub(STRAYS_ASIDE_MAX);
            let aside: Vec<_> = files_below(&disk, "quarantine");
            assert_eq!(aside.len(), replicas - staying, "{name}, {bytes}: {aside:?}");
            let (store, _) = Store::open(disk.boot(), &Keys::derive(&master)).expect("opened");
            let is_there = |number: &u8| store.has_blob(&replica(*number, 1).0).expect("readable");
            assert_eq!((1..=u8::MAX).filter(is_there).count(), staying, "{name}, {bytes}");
            assert!(store.has_blob(&own).expect("readable"), "{name}, {bytes}: it may be all that is left");
            let told = Event::StraysSetAside { replicas: aside.len() as u64, staying: staying as u64 };
            assert!(network.events.borrow().contains(&told), "{name}, {bytes}");
        }
    }
}

#[test]
fn a_scrub_removes_folders_that_are_empty() {
    let (network, disk) = (Network::default(), SimDisk::new());
    run(async {
        stop(network.start(5000, &disk, &[]).await).await;
        let folders = [OWNER.to_string(), "01010".to_owned(), "10101".to_owned()];
        let mut path = dacapo::disk::DiskPath::root();
        for folder in folders {
            path = path.child(&folder);
            dacapo::disk::Disk::make_dir(&disk.boot(), &path).expect("made");
        }
        let node = network.start(5000, &disk, &[]).await;
        scrub(&node.handle()).await;
        stop(node).await;
        let left: Vec<_> = disk.tree().into_iter().filter(|(path, ..)| path.starts_with(&OWNER.to_string())).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    });
}

/// Makes a catalog of which most is free.
fn mostly_free() -> SimDisk {
    let disk = SimDisk::new();
    Setup::Settled(Layout::Packed).write(&disk).expect("written");
    let (store, _) = Store::open(disk.boot(), &keys()).expect("opened");
    let blob = |number: u64| BlobId::Held(OWNER, ReplicaName(u128::from(number).to_be_bytes()));
    for batch in 0..8 {
        let changes = (0..50).map(|number| Change::Object(blob(batch * 50 + number), Some(vec![1; 60_000].into())));
        assert!(store.commit(&changes.collect::<Vec<_>>()).expect("committed"));
    }
    let removed: Vec<_> = (0..390).map(|number| Change::Object(blob(number), None)).collect();
    assert!(store.commit(&removed).expect("committed"));
    assert!(store.commit(&[replica(1, 3).1]).expect("committed"));
    drop(store);
    disk
}

fn check_compacted(disk: &SimDisk, what: &str) {
    let (store, recovered) = Store::open(disk.boot(), &keys()).expect("opened");
    assert_eq!(recovered.catalog, dacapo::store::Origin::Found, "{what}");
    assert_eq!(verified(&store), 5, "{what}");
    for number in 390..400_u64 {
        let blob = BlobId::Held(OWNER, ReplicaName(u128::from(number).to_be_bytes()));
        assert!(store.has_blob(&blob).expect("readable"), "{what}: {number}");
    }
}

#[test]
fn a_catalog_of_which_most_is_free_is_compacted_wherever_that_dies() {
    let disk = mostly_free();
    let len = |disk: &SimDisk| disk.read("catalog.redb").expect("there").len();
    let before = len(&disk);
    let failing = FaultDisk::new(&disk, None);
    let (store, _) = Store::open(failing.clone(), &keys()).expect("opened");
    let begun = failing.calls().len();
    let freed = store.compact_catalog(COMPACT_BYTES_MIN).expect("compacted");
    assert!(freed.is_some_and(|freed| freed > 8 * 1024 * 1024), "{freed:?} of {before}");
    assert_eq!(store.compact_catalog(COMPACT_BYTES_MIN).expect("nothing is left to do"), None);
    let calls = failing.calls().len();
    drop(store);
    assert!(len(&disk) < before / 2, "{} of {before}", len(&disk));
    check_compacted(&disk, "compacted");
    for call in (begun..calls).step_by(((calls - begun) / 6).max(1)) {
        for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::Error(std::io::ErrorKind::Other)] {
            let disk = mostly_free();
            if let Ok((store, _)) = Store::open(FaultDisk::new(&disk, Some((call, fault))), &keys()) {
                drop(store.compact_catalog(COMPACT_BYTES_MIN));
            }
            check_compacted(&disk, &format!("{fault:?} at call {call}"));
        }
    }
}

#[test]
fn a_damaged_file_is_found_again_by_each_scrub_until_a_peer_gives_it() {
    run(async {
        let (network, disk, holder) = (Network::of(Layout::Folders), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&disk, &holder).await;
        put(&pair.owner.handle(), "a", vec![1; 5000]).await;
        stop(pair.holder).await;
        rot(&disk, 5000);
        for scrubs in 1..=2 {
            let found = scrub(&pair.owner.handle()).await;
            assert_eq!((found.damaged, found.restored, found.missing), (1, 0, 1), "scrub {scrubs}");
        }
        let again = network.start(HOLDER, &holder, &[]).await;
        connected(&pair.owner.handle(), 1).await;
        let found = scrub(&pair.owner.handle()).await;
        assert_eq!((found.damaged, found.restored, found.missing), (1, 1, 0));
        assert_eq!(files_below(&disk, "quarantine").len(), 1, "what was damaged is kept");
        assert_eq!(scrub(&pair.owner.handle()).await.damaged, 0);
        stop(again).await;
        stop(pair.owner).await;
    });
}

#[test]
fn a_scrub_ends_when_its_caller_has_gone() {
    run(async {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let node = network.start(HOLDER, &disk, &[]).await;
        for number in 0..20 {
            put(&node.handle(), &format!("{number}"), vec![1; 100]).await;
        }
        disk.set_delay(Some(Duration::from_secs(1)));
        let handle = node.handle();
        let scrubbing = tokio::task::spawn_local(async move {
            let (told, _listener) = tokio::sync::mpsc::channel(1);
            handle.scrub(told).await
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        scrubbing.abort();
        tokio::time::sleep(Duration::from_secs(60)).await;
        disk.set_delay(None);
        let checked = scrubbed(&network);
        assert!(matches!(checked[..], [1..20]), "{checked:?}");
        assert_eq!(node.handle().status().await.expect("readable").last_scrub, None);
        stop(node).await;
    });
}

//! A catalog whose place another one takes: a damaged one, and one of an older version, wherever the start dies.

use std::io;

use dacapo::crypto::{ReplicaName, Version};
use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::store::layout::Layout;
use dacapo::store::{Origin, StorageError, Store};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use super::{CATALOG, World, bytes_to_flip, flip_each, fork};
use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::files_below;

/// Returns the file as an older version has written it: what redb alone sees of it.
fn without_checks(catalog: &[u8]) -> Vec<u8> {
    let state = |at: usize| (u64::from_le_bytes(catalog[at..at + 8].try_into().expect("8 bytes")), at);
    let (_, newest) = [state(3584), state(7680)].into_iter().max().expect("two");
    let mut plain = catalog[newest + 8..newest + 8 + 320].to_vec();
    plain.resize(4096, 0);
    for slot in catalog[12_288..].chunks_exact(4112) {
        plain.extend_from_slice(&slot[..4096]);
    }
    plain
}

fn replace_catalog(disk: &SimDisk, bytes: &[u8]) {
    let (disk, path) = (disk.boot(), DiskPath::root().child(CATALOG));
    disk.remove(&path).expect("there");
    let file = disk.create(&path).expect("created");
    file.write_at(0, bytes).and_then(|()| file.sync()).and_then(|()| disk.sync_all()).expect("written");
}

#[test]
fn an_older_catalog_gets_checksums_wherever_its_first_start_dies() {
    let world = World::new();
    for (layout, name) in Layout::ALL {
        let old = world.fill(layout);
        replace_catalog(&old, &without_checks(&old.read(CATALOG).expect("there")));
        let calls = {
            let disk = FaultDisk::new(&fork(&old), None);
            drop(Store::open(disk.clone(), &world.keys).expect("opened"));
            disk.calls().len()
        };
        for call in 0..=calls {
            for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::Error(io::ErrorKind::Other)] {
                let disk = fork(&old);
                disk.boot().sync_all().expect("synced");
                drop(Store::open(FaultDisk::new(&disk, Some((call, fault))), &world.keys));
                let (store, recovered) = Store::open(disk.boot(), &world.keys).expect("opened");
                assert_eq!(recovered.catalog, Origin::Found, "{name}: {fault:?} at call {call}");
                assert_eq!(world.judge(&store), Ok(0), "{name}: {fault:?} at call {call}");
                assert!(store.next_version(UnixMillis(0), ReplicaName([0; 16])).expect("reserved") > Version(5000));
                drop(store);
                assert!(disk.read(CATALOG).expect("there").starts_with(b"dacapo catalog 1\n"));
                assert_eq!(files_below(&disk, "quarantine"), Vec::<String>::new());
            }
        }
    }
}

#[test]
fn no_flipped_bit_of_an_older_catalog_is_read_as_good_or_stops_a_start() {
    let world = World::new();
    for (layout, name) in Layout::ALL {
        let old = world.fill(layout);
        replace_catalog(&old, &without_checks(&old.read(CATALOG).expect("there")));
        flip_each(&world, &old, 997).check(name);
    }
}

#[test]
fn a_salvage_that_dies_is_made_again() {
    let world = World::new();
    let rotten = world.fill(Layout::Packed);
    let bytes = bytes_to_flip(&rotten.read(CATALOG).expect("there"), 1);
    rotten.corrupt(CATALOG, bytes[bytes.len() / 2]).expect("flipped");
    let open = |disk: FaultDisk| {
        let (store, _) = Store::open_above(disk, &world.keys, Version(1_000_000))?;
        drop(world.judge(&store));
        Ok::<_, StorageError>(world.judge(&store))
    };
    let disk = FaultDisk::new(&fork(&rotten), None);
    let missing = open(disk.clone()).expect("opened").expect("nothing is wrong");
    for call in 0..disk.calls().len() {
        for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::Error(io::ErrorKind::Other)] {
            let disk = fork(&rotten);
            disk.boot().sync_all().expect("synced");
            drop(open(FaultDisk::new(&disk, Some((call, fault)))));
            let found = open(FaultDisk::new(&disk, None)).expect("opened");
            assert_eq!(found, Ok(missing), "{fault:?} at call {call}");
            assert!(disk.read("quarantine/catalog.redb").is_some(), "{fault:?} at call {call}");
            let (store, _) = Store::open(disk.boot(), &world.keys).expect("opened");
            assert!(
                store.next_version(UnixMillis(0), ReplicaName([0; 16])).expect("reserved") > Version(5000),
                "{fault:?} at call {call}"
            );
        }
    }
}

#[test]
fn a_replacement_is_told_by_the_next_start_until_one_has_told_it() {
    let world = World::new();
    let rotten = world.fill(Layout::Packed);
    let bytes = bytes_to_flip(&rotten.read(CATALOG).expect("there"), 1);
    rotten.corrupt(CATALOG, bytes[bytes.len() / 2]).expect("flipped");
    let calls = {
        let disk = FaultDisk::new(&fork(&rotten), None);
        drop(Store::open(disk.clone(), &world.keys).expect("opened"));
        disk.calls().len()
    };
    for call in 0..=calls {
        for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::Error(io::ErrorKind::Other)] {
            let disk = fork(&rotten);
            disk.boot().sync_all().expect("synced");
            drop(Store::open(FaultDisk::new(&disk, Some((call, fault))), &world.keys));
            for start in 0..2 {
                let (store, recovered) = Store::open(disk.boot(), &world.keys).expect("opened");
                let is_to_tell = matches!(recovered.catalog, Origin::MadeForDamaged(_));
                assert!(is_to_tell, "start {start} after {fault:?} at call {call}: {:?}", recovered.catalog);
                if start == 1 {
                    store.forget_told().expect("forgotten");
                }
            }
            let (_, recovered) = Store::open(disk.boot(), &world.keys).expect("opened");
            assert_eq!(recovered.catalog, Origin::Found, "after {fault:?} at call {call}");
        }
    }
}

#[test]
fn a_replacement_on_a_running_store_goes_on_where_a_failed_call_has_left_it() {
    let world = World::new();
    let whole = world.fill(Layout::Packed);
    let bytes = bytes_to_flip(&whole.read(CATALOG).expect("there"), 1);
    let run = |fault| {
        let disk = fork(&whole);
        let faulty = FaultDisk::new(&disk, None);
        let (store, recovered) = Store::open_above(faulty.clone(), &world.keys, Version(1_000_000)).expect("opened");
        assert_eq!(recovered.catalog, Origin::Found);
        disk.corrupt(CATALOG, bytes[bytes.len() / 2]).expect("flipped");
        let before = faulty.calls().len();
        if let Some((call, fault)) = fault {
            faulty.fail_at(before + call, fault);
        }
        let first = world.judge(&store);
        let calls = faulty.calls().len() - before;
        (calls, first, world.judge(&store), store.take_news(), files_below(&disk, "quarantine"))
    };
    let (calls, _, missing, news, aside) = run(None);
    assert_eq!((calls > 20, aside.len()), (true, 1));
    assert!(missing.as_ref().is_ok_and(|missing| *missing > 0), "{missing:?}");
    for call in 0..calls {
        for fault in [Fault::Error(io::ErrorKind::Other), Fault::ErrorAfter(io::ErrorKind::Other)] {
            let (_, _, found, told, set_aside) = run(Some((call, fault)));
            assert_eq!((&found, &told), (&missing, &news), "{fault:?} at call {call}");
            assert_eq!(set_aside, aside, "{fault:?} at call {call}");
        }
    }
}

#[test]
fn a_start_refuses_rather_than_to_lose_a_damaged_catalog() {
    let world = World::new();
    let disk = world.fill(Layout::Folders);
    let open = || Store::open_above(disk.boot(), &world.keys, Version(1_000_000)).map(drop);
    for number in 0..8 {
        replace_catalog(&disk, &[number; 20_000]);
        open().expect("opened");
        let aside = files_below(&disk, "quarantine");
        let kept: Vec<_> = aside.iter().map(|path| disk.read(path).expect("there")[0]).collect();
        assert_eq!(kept.len(), usize::from(number) + 1, "{aside:?}");
        assert!((0..=number).all(|number| kept.contains(&number)), "{kept:?}");
    }
    replace_catalog(&disk, &[8; 20_000]);
    let error = open().expect_err("there is no room for a ninth").to_string();
    assert!(error.contains("quarantine/ has 8 damaged ones already"), "{error}");
    assert_eq!(disk.read(CATALOG), Some(vec![8; 20_000]));
    disk.boot().remove(&DiskPath::root().child("quarantine").child("catalog.3.redb")).expect("somebody moved it");
    open().expect("opened");
    assert_eq!(disk.read("quarantine/catalog.3.redb"), Some(vec![8; 20_000]));
}

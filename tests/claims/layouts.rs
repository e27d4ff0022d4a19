//! The two layouts of a data directory: a directory keeps the layout that was chosen for it, and a conversion loses
//! nothing, wherever it is interrupted.

use std::io;

use dacapo::crypto::{Keys, Version};
use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::limits::PACKED_BYTES_MAX;
use dacapo::node::{Content, GetError};
use dacapo::store::layout::Layout;
use dacapo::store::{Converted, Identity, StorageError, convert};
use dacapo::time::UnixMillis;
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{HOLDER, Network, OWNER, connected, files_below, get, key, put, run, stop};

/// Names and lengths on both sides of the bound for packed blobs. The first two names share the first folder of their
/// SHA-1.
const FILES: [(&str, usize); 6] = [
    ("picture_75.png", 22),
    ("picture_1475.png", 0),
    ("exactly", PACKED_BYTES_MAX),
    ("replica-is-large", PACKED_BYTES_MAX - 15),
    ("large", PACKED_BYTES_MAX + 1),
    ("larger", 300_000),
];

/// The time of day of a conversion.
const NOW: UnixMillis = UnixMillis(2_000_000_000_000);

fn content((name, len): (&str, usize)) -> Vec<u8> {
    name.bytes().cycle().take(len).collect()
}

/// Stores all files, and returns the disks of the owner and of its only peer.
async fn stored(layout: Layout) -> (SimDisk, SimDisk) {
    let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
    let pair = network.pair(&owner, &holder).await;
    for file in FILES {
        assert_eq!(put(&pair.owner.handle(), file.0, content(file)).await.replicas(), 1);
    }
    pair.stop().await;
    (owner, holder)
}

/// Gets every file from the owner's disk, deletes the local copy, and gets the file from the peer.
async fn check(network: &Network, owner: &SimDisk, holder: &SimDisk, what: &str) {
    let holding = network.start(HOLDER, holder, &[]).await;
    let node = network.start(OWNER, owner, &[HOLDER]).await;
    for file in FILES {
        let got = get(&node.handle(), file.0).await;
        assert!(got == content(file), "{what}: other bytes in {}", file.0);
    }
    connected(&node.handle(), 1).await;
    for file in FILES {
        assert!(node.handle().stat(&key(file.0)).await.expect("known").is_local, "{what}: {} is gone", file.0);
        node.handle().delete(&key(file.0)).await.expect("deleted");
        assert!(get(&node.handle(), file.0).await == content(file), "{what}: other bytes in the replica of {}", file.0);
    }
    stop(node).await;
    stop(holding).await;
}

fn convert_on<D: Disk>(disk: &D, to: Layout) -> Result<Option<Converted>, StorageError> {
    let master = Identity::load(disk).expect("readable").expect("a node was here");
    convert(disk, &Keys::derive(&master), to, NOW, |_| ())
}

fn other(layout: Layout) -> Layout {
    match layout {
        Layout::Folders => Layout::Packed,
        Layout::Packed => Layout::Folders,
    }
}

#[test]
fn small_blobs_lie_in_the_catalog_where_they_are_packed() {
    run(async {
        let (owner, holder) = stored(Layout::Packed).await;
        let of_owner = |disk: &SimDisk| {
            let tree = disk.tree().into_iter().filter(|(path, ..)| path.contains('/') && !path.starts_with("tmp"));
            tree.filter(|(_, kind, _)| *kind == dacapo::disk::EntryKind::File).collect::<Vec<_>>()
        };
        assert_eq!(of_owner(&owner).len(), 2, "only the two large files are files of their own");
        assert_eq!(of_owner(&holder).len(), 4, "so are the two that are large with their IV");
        assert!(of_owner(&owner).iter().all(|(path, ..)| path.split('/').count() == 3), "files lie one folder deep");
    });
}

#[test]
fn a_conversion_there_and_back_changes_no_byte() {
    for layout in [Layout::Folders, Layout::Packed] {
        run(async move {
            let (owner, holder) = stored(layout).await;
            let before = (owner.tree(), holder.tree());
            for disk in [&owner, &holder] {
                let there = convert_on(&disk.boot(), other(layout)).expect("converted").expect("it was another");
                assert_eq!(there.blobs, 6);
                assert_eq!(convert_on(&disk.boot(), other(layout)).expect("no error"), None);
            }
            check(&Network::of(other(layout)), &owner, &holder, "there").await;
            for disk in [&owner, &holder] {
                convert_on(&disk.boot(), layout).expect("converted").expect("it was another");
            }
            check(&Network::of(layout), &owner, &holder, "back").await;
            let places = |tree: Vec<(String, _, u64)>| tree.into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
            assert_eq!(places(owner.tree()), places(before.0));
            assert_eq!(places(holder.tree()), places(before.1));
        });
    }
}

#[test]
fn a_conversion_that_dies_or_fails_at_any_call_goes_on_or_turns_back_and_loses_nothing() {
    for from in [Layout::Folders, Layout::Packed] {
        let calls = run(async move {
            let (owner, _) = stored(from).await;
            let disk = FaultDisk::new(&owner, None);
            convert_on(&disk, other(from)).expect("converted");
            disk.calls().len()
        });
        for (call, then) in (0..calls).flat_map(|call| [(call, other(from)), (call, from)]) {
            for fault in [Fault::Kill, Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::Error(io::ErrorKind::Other)] {
                run(async move {
                    let what = format!("from {from}, {fault:?} at call {call}, then to {then}");
                    let (owner, holder) = stored(from).await;
                    let dying = FaultDisk::new(&owner, Some((call, fault)));
                    if let Ok(Some(master)) = Identity::load(&dying) {
                        drop(convert(&dying, &Keys::derive(&master), other(from), NOW, |_| ()));
                    }
                    convert_on(&owner.boot(), then).unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(Layout::choose(&owner.boot(), None).expect("whole"), then, "{what}");
                    assert_eq!(files_below(&owner, "tmp"), Vec::<String>::new(), "{what}");
                    // Owner and holder need not have the same layout.
                    assert_eq!(Layout::choose(&holder.boot(), None).expect("chosen"), from);
                    check(&Network::default(), &owner, &holder, &what).await;
                });
            }
        }
    }
}

#[test]
fn a_node_starts_only_on_the_layout_that_it_was_told_of_and_that_is_whole() {
    run(async {
        let (owner, _) = stored(Layout::Folders).await;
        let start = |network: Network| {
            let disk = owner.boot();
            async move { network.try_start(OWNER, disk, &[]).await.err() }
        };
        let error = start(Network::of(Layout::Packed)).await.expect("another layout");
        assert!(error.contains("has the layout folders, not packed"), "{error}");
        let rewrite = |text: &str| {
            owner.boot().remove(&DiskPath::root().child("layout")).expect("removed");
            let file = owner.boot().create(&DiskPath::root().child("layout")).expect("created");
            file.write_at(0, text.as_bytes()).expect("written");
        };
        rewrite("dacapo layout 1\nfolders to packed\n");
        let error = start(Network::default()).await.expect("interrupted");
        assert!(error.contains("was interrupted"), "{error}");
        rewrite("packed\n");
        let error = start(Network::default()).await.expect("damaged");
        assert!(error.contains("damaged"), "{error}");
        owner.boot().remove(&DiskPath::root().child("layout")).expect("removed");
        assert_eq!(start(Network::default()).await, None, "a directory without a record of its layout has folders");
    });
}

#[test]
fn no_older_version_comes_back_from_the_other_place() {
    run(async {
        let (network, disk) = (Network::of(Layout::Packed), SimDisk::new());
        let node = network.start(OWNER, &disk, &[]).await;
        for len in [300_000, 22, 300_000, 22] {
            put(&node.handle(), "a", vec![7; len]).await;
            assert!(get(&node.handle(), "a").await == vec![7; len]);
            node.handle().delete(&key("a")).await.expect("deleted");
            let got = node.handle().get(&key("a")).await;
            assert!(matches!(got, Err(GetError::NoCopy { .. })), "after {len} bytes: {got:?}");
        }
        stop(node).await;
    });
}

#[test]
fn a_conversion_without_a_catalog_gives_no_version_again() {
    run(async {
        let (owner, _) = stored(Layout::Folders).await;
        owner.boot().remove(&DiskPath::root().child("catalog.redb")).expect("it is lost");
        convert_on(&owner.boot(), Layout::Packed).expect("converted");
        let node = Network::default().start(OWNER, &owner, &[]).await;
        let version = put(&node.handle(), "a", vec![1; 22]).await.version;
        assert!(version > Version(NOW.0 + 60_000), "it is a minute ahead: {version}");
        stop(node).await;
    });
}

#[test]
fn a_conversion_does_not_begin_while_a_file_that_a_commit_names_has_no_place() {
    run(async {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let refused = Fault::Error(io::ErrorKind::Other);
        for byte in [1, 2] {
            let faulty = FaultDisk::new(&disk, None);
            let node = network.try_start(OWNER, faulty.clone(), &[]).await.expect("it starts");
            if byte == 2 {
                faulty.arm("rename", refused);
            }
            let stored = node.handle().store(&key("a"), Content::bytes(vec![byte; 22])).await;
            assert_eq!(stored.is_ok(), byte == 1, "{stored:?}");
            stop(node).await;
        }
        assert_eq!(files_below(&disk, "tmp").len(), 1, "the second version, which counts");
        let faulty = FaultDisk::new(&disk, None);
        faulty.arm("rename", refused);
        let converted = convert_on(&faulty, Layout::Packed);
        assert!(matches!(converted, Err(StorageError::Unsettled { .. })), "{converted:?}");
        convert_on(&disk.boot(), Layout::Packed).expect("converted");
        let node = Network::of(Layout::Packed).start(OWNER, &disk, &[]).await;
        assert_eq!(get(&node.handle(), "a").await, vec![2; 22]);
        stop(node).await;
    });
}

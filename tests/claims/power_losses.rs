//! The answers of a node stay true: after a power loss, after a kill and then a power loss, and after a disk call that
//! failed. What a crash leaves beside a file never takes the place of the file.

use std::io;

use dacapo::crypto::{ReplicaName, Version};
use dacapo::disk::{Disk, DiskFile};
use dacapo::node::{Content, DeleteError, GetError, Handle, StoreError};
use dacapo::protocol::{Message, read_message, read_stream_header};
use dacapo::store::layout::{self, BlobId, Layout};
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{Network, files_below, get, key, lose_power, put, run, stop};
use crate::support::scripted_peer::{Replica, ScriptedPeer, receive, send, store_at};

/// Each claim holds in both layouts.
const LAYOUTS: [Layout; 2] = [Layout::Folders, Layout::Packed];

/// The first two names share the first folder of their SHA-1.
const NAMES: [&str; 3] = ["picture_75.png", "picture_1475.png", "c"];

/// Leaves bytes under the temporary name of a version, as a crash may.
fn leave(disk: &SimDisk, blob: BlobId, version: Version, bytes: &[u8]) {
    let file = disk.boot().create(&layout::temporary(&blob, version, 99)).expect("created");
    file.write_at(0, bytes).expect("written");
    file.sync().expect("synced");
    disk.boot().sync_all().expect("synced");
}

/// Returns contents that are nearly these bytes: cut short, of zeros, with a flipped bit, and too long.
fn not_it(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut flipped = bytes.to_vec();
    *flipped.last_mut().expect("not empty") ^= 1;
    let longer = [bytes, &[0]].concat();
    vec![bytes[..bytes.len() / 2].to_vec(), bytes[..bytes.len() - 1].to_vec(), vec![0; bytes.len()], flipped, longer]
}

#[test]
fn a_torn_temporary_file_does_not_become_the_file() {
    for len in [22, 300_000] {
        run(async move {
            let (network, disk) = (Network::default(), SimDisk::new());
            let content = vec![1; len];
            for torn in not_it(&content) {
                let node = network.start(5000, &disk, &[]).await;
                let version = put(&node.handle(), "a", content.clone()).await.version;
                stop(node).await;
                leave(&disk, BlobId::Own(key("a").file_name()), version, &torn);
                let node = network.start(5000, &disk, &[]).await;
                assert!(get(&node.handle(), "a").await == content, "{} of {len} bytes", torn.len());
                assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new());
                stop(node).await;
            }
        });
    }
}

#[test]
fn a_torn_temporary_file_does_not_become_the_replica() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let owner = ScriptedPeer::new(0xee);
        let replica = Replica::unsealed(owner.node(), ReplicaName([7; 16]), Version(1), vec![5; 38]);
        let holder = network.start(3000, &disk, &[]).await;
        let mut link = owner.asking(&network, 3000).await.expect("linked");
        let answer = store_at(&mut link, &replica).await;
        assert_eq!(answer.expect("answered"), Message::Stored);
        stop(holder).await;
        for torn in not_it(&replica.bytes) {
            leave(&disk, BlobId::Held(owner.node(), replica.replica_name), Version(1), &torn);
            let holder = network.start(3000, &disk, &[]).await;
            let mut link = owner.asking(&network, 3000).await.expect("linked");
            let question = Message::GetFile { owner: owner.node(), replica_name: replica.replica_name };
            send(&mut link, &question).await.expect("sent");
            assert_eq!(read_message(&mut link).await.expect("answered"), Message::Found(replica.seal.clone()));
            read_stream_header(&mut link, 38).await.expect("small content follows");
            assert_eq!(receive(&mut link, 38).await.expect("whole"), replica.bytes);
            assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new());
            stop(holder).await;
        }
    });
}

#[test]
fn an_acked_delete_stays_deleted_after_a_power_loss() {
    for (layout, seed) in LAYOUTS.into_iter().flat_map(|layout| (0..64).map(move |seed| (layout, seed))) {
        run(async move {
            let (network, disk) = (Network::of(layout), SimDisk::new());
            let node = network.start(5000, &disk, &[]).await;
            for name in NAMES {
                put(&node.handle(), name, vec![1; 5000]).await;
            }
            // The folder of the first name keeps a neighbour, that of the last one is left empty.
            for name in [NAMES[0], NAMES[2]] {
                node.handle().delete(&key(name)).await.expect("deleted");
                // The durable tree is the worst that a power loss can leave; few seeds choose it.
                let path = layout.place(node.handle().node(), &BlobId::Own(key(name).file_name())).to_string();
                assert!(disk.durable_tree().iter().all(|(durable, ..)| *durable != path), "{name} is still durable");
            }
            lose_power(&disk, seed);
            stop(node).await;
            let node = network.start(5000, &disk, &[]).await;
            for name in [NAMES[0], NAMES[2]] {
                let info = node.handle().stat(&key(name)).await.expect("it is known");
                assert!(!info.is_local, "seed {seed}: {name} came back");
            }
            assert!(get(&node.handle(), NAMES[1]).await == vec![1; 5000], "seed {seed}");
        });
    }
}

/// Stores and deletes. A kill may end this anywhere.
async fn work(node: &Handle) {
    for name in NAMES {
        drop(node.store(&key(name), Content::bytes(vec![1; 5000])).await);
    }
    drop(node.store(&key(NAMES[1]), Content::bytes(vec![2; 22])).await);
    for name in [NAMES[0], NAMES[2]] {
        drop(node.delete(&key(name)).await);
    }
    drop(node.store(&key(NAMES[2]), Content::bytes(vec![3; 5000])).await);
}

/// Gets each file, and returns its content, or `None` if it is absent.
async fn answers(node: &Handle) -> Vec<Option<Vec<u8>>> {
    let mut answers = Vec::new();
    for name in NAMES {
        let answer = match node.get(&key(name)).await {
            Ok(fetched) => Some(fetched.read_all().await.expect("readable")),
            Err(GetError::NotFound { .. } | GetError::NoCopy { .. }) => None,
            Err(error) => panic!("{name}: {error}"),
        };
        let is_local = node.stat(&key(name)).await.is_ok_and(|info| info.is_local);
        assert_eq!(answer.is_some(), is_local);
        if !is_local {
            assert!(matches!(node.delete(&key(name)).await, Err(DeleteError::NotFound)));
        }
        answers.push(answer);
    }
    answers
}

/// The start after a kill sees names that are not durable yet, and what it answers depends on them.
#[test]
fn what_the_start_after_a_kill_has_answered_survives_a_power_loss() {
    let calls = |layout| {
        run(async move {
            let disk = FaultDisk::new(&SimDisk::new(), None);
            let node = Network::of(layout).try_start(5000, disk.clone(), &[]).await.expect("it starts");
            work(&node.handle()).await;
            disk.calls().len()
        })
    };
    for (layout, call) in LAYOUTS.into_iter().flat_map(|layout| (0..calls(layout)).map(move |call| (layout, call))) {
        for seed in 0..3 {
            run(async move {
                let (network, disk) = (Network::of(layout), SimDisk::new());
                let dying = FaultDisk::new(&disk, Some((call, Fault::Kill)));
                if let Ok(node) = network.try_start(5000, dying, &[]).await {
                    work(&node.handle()).await;
                    stop(node).await;
                }
                let node = network.start(5000, &disk, &[]).await;
                let before = answers(&node.handle()).await;
                lose_power(&disk, seed);
                stop(node).await;
                let node = network.start(5000, &disk, &[]).await;
                let after = answers(&node.handle()).await;
                assert!(before == after, "{layout}: killed at call {call}, power lost with seed {seed}");
            });
        }
    }
}

/// Stores while one disk call fails, and deletes. Asserts that an acknowledged delete leaves nothing to get. Returns
/// whether the store may have happened and the delete was acknowledged.
async fn delete_after_fault(layout: Layout, call: usize, fault: Fault) -> bool {
    let (network, sim) = (Network::of(layout), SimDisk::new());
    let disk = FaultDisk::new(&sim, Some((call, fault)));
    let Ok(node) = network.try_start(5000, disk, &[]).await else { return false };
    let mut is_unconfirmed = false;
    for version in [1, 2] {
        let stored = node.handle().store(&key("a"), Content::bytes(vec![version; 5000])).await;
        is_unconfirmed |= matches!(stored, Err(StoreError::Unconfirmed(_)));
    }
    let deleted = node.handle().delete(&key("a")).await;
    if deleted.is_err() {
        return false;
    }
    let got = node.handle().get(&key("a")).await;
    assert!(matches!(got, Err(GetError::NoCopy { .. })), "{fault:?} at call {call}: {got:?}");
    stop(node).await;
    let node = network.start(5000, &sim, &[]).await;
    let got = node.handle().get(&key("a")).await;
    assert!(matches!(got, Err(GetError::NoCopy { .. })), "{fault:?} at call {call}, after a start: {got:?}");
    is_unconfirmed
}

#[test]
fn an_acked_delete_stays_deleted_after_a_store_that_failed() {
    let calls = |layout| {
        run(async move {
            let disk = FaultDisk::new(&SimDisk::new(), None);
            let node = Network::of(layout).try_start(5000, disk.clone(), &[]).await.expect("it starts");
            for version in [1, 2] {
                put(&node.handle(), "a", vec![version; 5000]).await;
            }
            node.handle().delete(&key("a")).await.expect("deleted");
            disk.calls().len()
        })
    };
    for layout in LAYOUTS {
        let mut unconfirmed = 0;
        for call in 0..calls(layout) {
            for fault in [Fault::Error(io::ErrorKind::Other), Fault::ErrorAfter(io::ErrorKind::Other)] {
                unconfirmed += usize::from(run(delete_after_fault(layout, call, fault)));
            }
        }
        assert!(unconfirmed > 10, "{layout}: {unconfirmed} faults came at a commit or after it");
    }
}

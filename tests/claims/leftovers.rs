//! What a deletion or a lost catalog leaves behind on the owner's own disk: nothing of a deleted file, and everything
//! that may be newer than what the peers hold.

use std::time::Duration;

use dacapo::disk::{Disk, DiskPath, EntryKind};
use dacapo::store::layout::Layout;
use dacapo::store::{Change, OwnRecord};
use dacapo_sim::disk::SimDisk;
use tokio::time::sleep;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{
    HOLDER, Network, OWNER, Pair, connected, files_below, get, key, open_store, put, run, scrub, stop,
};

const SECRET: &[u8] = b"nobody is to find this any more";

/// Returns every file that contains the secret, except for the catalog: a database keeps the content of freed pages.
fn has_plaintext(disk: &SimDisk) -> Vec<String> {
    let files = disk.tree().into_iter().filter(|(_, kind, _)| *kind == EntryKind::File).map(|(path, ..)| path);
    let has = |path: &String| {
        let bytes = disk.read(path).unwrap_or_default();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    };
    files.filter(|path| path != "catalog.redb").filter(has).collect()
}

/// Stores a file, damages the copy and has it set aside, stores again, and deletes everywhere.
async fn delete(disk: FaultDisk, sim: &SimDisk, layout: Layout) {
    let Ok(node) = Network::of(layout).try_start(OWNER, disk, &[]).await else { return };
    let handle = node.handle();
    drop(handle.store(&key("a"), dacapo::node::Content::bytes(SECRET)).await);
    if layout == Layout::Folders {
        let own =
            sim.tree().into_iter().find(|(path, ..)| path.starts_with(&handle.node().to_string()) && path.len() > 150);
        if let Some((path, ..)) = own {
            sim.corrupt(&path, SECRET.len() as u64 - 1).expect("it is that long");
        }
        scrub(&handle).await;
    }
    drop(handle.store(&key("a"), dacapo::node::Content::bytes(SECRET)).await);
    drop(handle.delete_everywhere(&key("a")).await);
    stop(node).await;
}

#[test]
fn no_plaintext_of_a_deleted_file_is_left_wherever_the_node_dies() {
    for layout in [Layout::Folders, Layout::Packed] {
        let calls = run(async move {
            let sim = SimDisk::new();
            let disk = FaultDisk::new(&sim, None);
            delete(disk.clone(), &sim, layout).await;
            assert_eq!(has_plaintext(&sim), Vec::<String>::new());
            disk.calls().len()
        });
        for call in 0..calls {
            run(async move {
                let sim = SimDisk::new();
                delete(FaultDisk::new(&sim, Some((call, Fault::Kill))), &sim, layout).await;
                let node = Network::of(layout).start(OWNER, &sim, &[]).await;
                let is_deleted = node.handle().stat(&key("a")).await.is_err();
                let scrubbed = scrub(&node.handle()).await;
                assert_eq!(scrubbed.failed, 0, "{layout}, call {call}");
                if is_deleted {
                    assert_eq!(has_plaintext(&sim), Vec::<String>::new(), "{layout}, killed at call {call}");
                }
                stop(node).await;
            });
        }
    }
}

#[test]
fn what_lies_here_from_before_the_catalog_was_lost_is_set_aside_and_not_replaced() {
    for layout in [Layout::Folders, Layout::Packed] {
        run(async move {
            let (network, disk, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
            let pair = network.pair(&disk, &holder).await;
            let node = pair.owner;
            let (older, newer) = (vec![1; 100_000], vec![2; 100_000]);
            put(&node.handle(), "a", older.clone()).await;
            put(&node.handle(), "same", older.clone()).await;
            stop(pair.holder).await;
            connected(&node.handle(), 0).await;
            assert_eq!(put(&node.handle(), "a", newer.clone()).await.replicas(), 0, "nobody else has it");
            stop(node).await;
            disk.boot().remove(&DiskPath::root().child("catalog.redb")).expect("it is lost");
            let pair = network.pair(&disk, &holder).await;
            assert!(get(&pair.owner.handle(), "a").await == older, "the peer has the older content only");
            assert!(get(&pair.owner.handle(), "same").await == older);
            let aside: Vec<_> = files_below(&disk, "quarantine");
            assert_eq!(aside.len(), 1, "a copy that is the same as the replica is not set aside: {aside:?}");
            assert!(disk.read(&aside[0]) == Some(newer), "the content that no peer has is still here");
            pair.stop().await;
        });
    }
}

#[test]
fn an_iv_that_a_peer_was_wrong_about_is_put_right_by_the_next_get() {
    run(async {
        let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &holder).await;
        put(&owner.handle(), "a", vec![1; 22]).await;
        owner.handle().delete(&key("a")).await.expect("deleted");
        stop(owner).await;
        {
            let (store, keys) = open_store(&disk);
            let record = store.own(&key("a")).expect("readable").expect("known");
            let mut iv = record.iv;
            iv.0[0] ^= 1;
            let wrong = OwnRecord { iv, ..record };
            assert!(
                store
                    .commit(&[Change::Own(key("a"), keys.replica_name(&key("a")), Box::new(wrong))])
                    .expect("committed")
            );
        }
        let owner = network.start(OWNER, &disk, &[HOLDER]).await;
        connected(&owner.handle(), 1).await;
        let fetched = owner.handle().get(&key("a")).await.expect("found");
        assert!(fetched.from.is_some());
        assert_eq!(fetched.read_all().await.expect("readable"), vec![1; 22]);
        let again = owner.handle().get(&key("a")).await.expect("found");
        assert_eq!(again.from, None, "the local copy is good");
        stop(owner).await;
        stop(holder).await;
    });
}

#[test]
fn nothing_of_a_replica_that_is_deleted_is_left_in_a_quarantine() {
    for layout in [Layout::Folders, Layout::Packed] {
        run(async move {
            let disk = SimDisk::new();
            let Pair { owner, holder } = Network::of(layout).pair(&SimDisk::new(), &disk).await;
            let (owner, holder) = (owner.handle(), holder.handle());
            put(&owner, "a", vec![7; 200_000]).await;
            let [path] = files_below(&disk, &owner.node().to_string()).try_into().expect("one replica");
            disk.corrupt(&path, 100_000).expect("it is that long");
            assert_eq!(scrub(&holder).await.damaged, 1);
            assert_eq!(files_below(&disk, "quarantine").len(), 1);
            sleep(Duration::from_secs(20)).await;
            owner.delete_everywhere(&key("a")).await.expect("deleted");
            assert_eq!(files_below(&disk, "quarantine"), Vec::<String>::new());
        });
    }
}

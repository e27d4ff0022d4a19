//! Deletions that every peer has known of for long are forgotten, and no file is taken for deleted because of that.

use std::time::Duration;

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::event::Event;
use dacapo::limits::PLACEMENT_GRACE;
use dacapo::membership::MemberChange;
use dacapo::node::{Content, GetError, Handle, Names};
use dacapo::store::Change;
use dacapo_sim::disk::SimDisk;
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::sleep;

use crate::rotten_catalogs::fork;
use crate::support::in_memory::{
    HOLDER, Network, OWNER, Pair, connected, files_below, get, key, open_store, put, run, run_long, stop,
};

/// How long deletions are remembered here.
const KEPT: Duration = Duration::from_secs(3600);

fn network() -> Network {
    Network::with_deletions_kept(KEPT)
}

/// Lets the peers hear of everything, then more time than deletions are remembered go by.
async fn forget(network: &Network) {
    sleep(Duration::from_secs(40)).await;
    network.clock.set(network.clock.get() + 2 * i64::try_from(KEPT.as_millis()).expect("a short time"));
    sleep(Duration::from_secs(40)).await;
}

async fn remembered(owner: &Handle, holder: &Handle) -> (u64, u64) {
    let held = holder.held_for(owner.node()).await.expect("readable");
    (owner.status().await.expect("readable").deleted, held.tombstones)
}

fn forgotten(network: &Network) -> u64 {
    let count = |event: &Event| if let Event::DeletionsForgotten { count } = event { *count } else { 0 };
    network.events.borrow().iter().map(count).sum()
}

#[test]
fn deletions_that_every_peer_has_known_of_for_long_are_forgotten() {
    run(async {
        let network = network();
        let pair = network.pair(&SimDisk::new(), &SimDisk::new()).await;
        let (owner, holder) = (pair.owner.handle(), pair.holder.handle());
        for number in 0..120 {
            put(&owner, &format!("file {number}"), vec![number; 22]).await;
            owner.delete_everywhere(&key(&format!("file {number}"))).await.expect("deleted");
        }
        put(&owner, "a", vec![1; 22]).await;
        sleep(Duration::from_secs(40)).await;
        assert_eq!(remembered(&owner, &holder).await, (120, 120));
        forget(&network).await;
        assert_eq!((remembered(&owner, &holder).await, forgotten(&network)), ((0, 0), 120));
        assert!(matches!(owner.get(&key("file 7")).await, Err(GetError::NotFound { asked: 1 })));
        assert_eq!(get(&owner, "a").await, [1; 22]);
        put(&owner, "file 7", vec![8; 22]).await;
        owner.delete(&key("file 7")).await.expect("deleted");
        assert_eq!(get(&owner, "file 7").await, [8; 22], "the name can be used again");
    });
}

#[test]
fn a_store_that_ends_after_a_deletion_is_forgotten_is_not_taken_for_deleted() {
    run(async {
        let (network, disk, holder) = (network(), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&disk, &holder).await;
        let owner = pair.owner.handle();
        put(&owner, "a", vec![1; 22]).await;
        let (mut source, content) = duplex(64);
        let storing = {
            let owner = owner.clone();
            tokio::task::spawn_local(async move { owner.store(&key("a"), Content::reader(content, None)).await })
        };
        sleep(Duration::from_secs(1)).await;
        owner.delete_everywhere(&key("a")).await.expect("deleted");
        sleep(Duration::from_secs(40)).await;
        // The peer remembers the deletion, which its owner forgets.
        stop(pair.holder).await;
        let remembers = fork(&holder);
        let holder = network.start(HOLDER, &holder, &[]).await;
        connected(&owner, 1).await;
        forget(&network).await;
        assert_eq!(remembered(&owner, &holder.handle()).await, (0, 0));
        stop(holder).await;
        source.write_all(&[2; 22]).await.expect("buffered");
        drop(source);
        storing.await.expect("no panic").expect("stored");
        let _holder = network.start(HOLDER, &remembers, &[]).await;
        connected(&owner, 1).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(get(&owner, "a").await, [2; 22]);
        drop(pair.owner);
    });
}

#[test]
fn the_disk_of_a_peer_that_is_put_back_brings_nothing_back_while_deletions_are_remembered() {
    run(async {
        let (network, holder_disk) = (network(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&SimDisk::new(), &holder_disk).await;
        let handle = owner.handle();
        put(&handle, "a", vec![1; 22]).await;
        put(&handle, "b", vec![2; 22]).await;
        stop(holder).await;
        let old = fork(&holder_disk);
        let holder = network.start(HOLDER, &holder_disk, &[]).await;
        connected(&handle, 1).await;
        handle.delete_everywhere(&key("a")).await.expect("deleted");
        sleep(Duration::from_secs(40)).await;
        stop(holder).await;
        connected(&handle, 0).await;
        let _holder = network.start(HOLDER, &old, &[]).await;
        connected(&handle, 1).await;
        sleep(Duration::from_secs(60)).await;
        assert!(matches!(handle.get(&key("a")).await, Err(GetError::Deleted)));
        assert_eq!(files_below(&old, &handle.node().to_string()).len(), 1, "b alone");
    });
}

#[test]
fn no_deletion_is_forgotten_while_a_peer_is_away() {
    run(async {
        let network = network();
        let holder = network.start(HOLDER, &SimDisk::new(), &[]).await;
        let owner = network.start(OWNER, &SimDisk::new(), &[HOLDER, 4000]).await;
        let handle = owner.handle();
        connected(&handle, 1).await;
        put(&handle, "a", vec![1; 22]).await;
        handle.delete_everywhere(&key("a")).await.expect("deleted");
        forget(&network).await;
        forget(&network).await;
        assert_eq!(remembered(&handle, &holder.handle()).await, (1, 1));
    });
}

#[test]
fn no_deletion_is_forgotten_while_a_peer_is_locked_out_that_may_come_in_again() {
    run_long(async {
        let (network, disk) = (network(), SimDisk::new());
        let owner = network.start(OWNER, &SimDisk::new(), &[]).await;
        let handle = owner.handle();
        let holder = network.start(HOLDER, &disk, &[OWNER]).await;
        connected(&handle, 1).await;
        put(&handle, "a", vec![1; 22]).await;
        stop(holder).await;
        let other = network.start(4000, &SimDisk::new(), &[OWNER]).await;
        connected(&handle, 1).await;
        // A lock lets in whoever was connected a short time ago.
        sleep(PLACEMENT_GRACE + Duration::from_secs(1)).await;
        handle.change_members(MemberChange::Lock).await.expect("locked");
        handle.delete_everywhere(&key("a")).await.expect("deleted");
        forget(&network).await;
        forget(&network).await;
        assert_eq!(remembered(&handle, &other.handle()).await, (1, 1));
        handle.change_members(MemberChange::Unlock).await.expect("unlocked");
        let _holder = network.start(HOLDER, &disk, &[OWNER]).await;
        connected(&handle, 2).await;
        forget(&network).await;
        assert!(handle.get(&key("a")).await.is_err(), "it stays deleted");
        assert_eq!(remembered(&handle, &other.handle()).await, (0, 0), "now all know of it");
    });
}

#[test]
fn a_file_whose_record_rots_is_learnt_again_and_not_taken_for_deleted() {
    run(async {
        let (network, disk) = (network(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &SimDisk::new()).await;
        let handle = owner.handle();
        put(&handle, "a", vec![1; 22]).await;
        handle.delete(&key("a")).await.expect("deleted");
        put(&handle, "b", vec![2; 22]).await;
        handle.delete_everywhere(&key("b")).await.expect("deleted");
        forget(&network).await;
        assert_eq!(remembered(&handle, &holder.handle()).await, (0, 0));
        stop(owner).await;
        {
            let (store, keys) = open_store(&disk);
            let floor = store.forgetting().expect("readable");
            let record = store.own(&key("a")).expect("readable").expect("known");
            assert!(record.seal.version < floor.floor, "{floor:?}");
            let mut rotten = record.clone();
            rotten.seal.tag.0[0] ^= 1;
            let name = keys.replica_name(&key("a"));
            let rot =
                [Change::Disproved(key("a"), name, Box::new(record)), Change::Own(key("a"), name, Box::new(rotten))];
            assert!(store.commit(&rot).expect("committed"));
        }
        let owner = network.start(OWNER, &disk, &[HOLDER]).await;
        connected(&owner.handle(), 1).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(get(&owner.handle(), "a").await, [1; 22]);
    });
}

#[test]
fn a_node_that_recovers_misses_no_name_that_was_deleted_and_forgotten() {
    run(async {
        let (network, disk) = (network(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &SimDisk::new()).await;
        for name in ["a", "b"] {
            put(&owner.handle(), name, vec![1; 22]).await;
            owner.handle().delete_everywhere(&key(name)).await.expect("deleted");
        }
        put(&owner.handle(), "c", vec![1; 22]).await;
        forget(&network).await;
        sleep(Duration::from_secs(20)).await;
        stop(owner).await;
        // A disk with nothing but the identity.
        let (empty, at) = (SimDisk::new(), DiskPath::root().child("identity"));
        let identity = disk.read("identity").expect("there");
        empty.create(&at).and_then(|file| file.write_at(0, &identity)).expect("written");
        let learner = network.and_learning().start(OWNER, &empty, &[HOLDER]).await;
        connected(&learner.handle(), 1).await;
        sleep(Duration::from_secs(60)).await;
        let names = learner.handle().repairs().await.expect("readable").names;
        assert_eq!(names, Some(Names { stored: 1, known: 1 }));
        stop(holder).await;
    });
}

//! A local copy is deleted only if enough peers have just compared the whole of their replica with what was stored, and
//! what `holders` says tells how the peer knows.

use std::time::Duration;

use dacapo::event::Event;
use dacapo::limits::CHECK_BYTES_MAX;
use dacapo::node::{DeleteError, Handle, Holding};
use dacapo::store::layout::Layout;
use dacapo_sim::disk::SimDisk;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::in_memory::{Network, OWNER, Pair, connected, files_below, get, key, put, run};
use crate::support::scripted_peer::ScriptedPeer;

/// The header of a catalog, and a distance at which each block is met.
const HEADER_BYTES: usize = 12 << 10;
const BYTES_BETWEEN: usize = 4_000;

/// A file whose replica is compared in two parts.
fn large() -> Vec<u8> {
    vec![7; usize::try_from(CHECK_BYTES_MAX).expect("it fits") + 100_000]
}

async fn holding(owner: &Handle, is_whole: bool) -> Holding {
    let holders = match is_whole {
        true => owner.verified_holders(&key("a")).await,
        false => owner.holders(&key("a")).await,
    };
    let [holder] = holders.expect("known").try_into().expect("one peer is connected");
    holder.holding
}

/// Makes a pair in which the holder has a large file, and returns the path of the replica too.
async fn with_large(network: &Network, holder: &SimDisk) -> (Pair, String) {
    let pair = network.pair(&SimDisk::new(), holder).await;
    put(&pair.owner.handle(), "a", large()).await;
    let [path] = files_below(holder, &pair.owner.handle().node().to_string()).try_into().expect("one replica");
    (pair, path)
}

#[test]
fn a_large_local_copy_stays_if_the_only_replica_has_rotted_anywhere() {
    for byte in [20, CHECK_BYTES_MAX / 2, CHECK_BYTES_MAX + 50_000] {
        run(async move {
            let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
            let (pair, path) = with_large(&network, &disk).await;
            disk.corrupt(&path, byte).expect("flipped");
            let owner = pair.owner.handle();
            assert!(matches!(holding(&owner, false).await, Holding::Current { is_fresh: false, .. }));
            let kept = owner.delete_if_held(&key("a"), 1).await;
            assert!(
                matches!(kept, Err(DeleteError::TooFewReplicas { wanted: 1, found: 0, asked: 1 })),
                "byte {byte}: {kept:?}"
            );
            assert!(owner.stat(&key("a")).await.expect("known").is_local);
            // What was found damaged is no longer held, and the owner sends it again.
            sleep(Duration::from_secs(60)).await;
            owner.delete_if_held(&key("a"), 1).await.expect("deleted");
            assert!(get(&owner, "a").await == large(), "byte {byte}");
        });
    }
}

#[test]
fn a_local_copy_stays_if_the_only_replica_is_good_in_memory_alone() {
    run(async {
        let (network, disk) = (Network::of(Layout::Packed), SimDisk::new());
        let pair = network.pair(&SimDisk::new(), &disk).await;
        let owner = pair.owner.handle();
        put(&owner, "a", vec![7; 1000]).await;
        let catalog = disk.read("catalog.redb").expect("a catalog");
        // Behind the header, so that nothing good is left.
        for byte in (HEADER_BYTES..catalog.len()).step_by(BYTES_BETWEEN) {
            disk.corrupt("catalog.redb", byte as u64).expect("flipped");
        }
        let kept = owner.delete_if_held(&key("a"), 1).await;
        assert!(matches!(kept, Err(DeleteError::TooFewReplicas { found: 0, asked: 1, .. })), "{kept:?}");
        // The holder has replaced its catalog, and the owner sends the file again.
        sleep(Duration::from_secs(60)).await;
        owner.delete_if_held(&key("a"), 1).await.expect("deleted");
        assert!(get(&owner, "a").await == vec![7; 1000]);
    });
}

#[test]
fn a_local_copy_with_other_bytes_than_the_peers_have_compared_is_kept_aside() {
    run(async {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let pair = network.pair(&disk, &SimDisk::new()).await;
        let owner = pair.owner.handle();
        put(&owner, "a", vec![7; 1000]).await;
        let [path] = files_below(&disk, &owner.node().to_string()).try_into().expect("one copy");
        disk.corrupt(&path, 10).expect("flipped");
        owner.delete_if_held(&key("a"), 1).await.expect("deleted");
        assert_eq!(files_below(&disk, "quarantine").len(), 1, "nobody else has these bytes");
        assert!(get(&owner, "a").await == vec![7; 1000]);
    });
}

#[test]
fn a_scrub_reads_small_files_from_the_disk() {
    run(async {
        let (network, disk) = (Network::of(Layout::Packed), SimDisk::new());
        let pair = network.pair(&disk, &SimDisk::new()).await;
        let owner = pair.owner.handle();
        for byte in 0..12 {
            put(&owner, &byte.to_string(), vec![byte; 1000]).await;
        }
        // Every look at a table reads its first leaf.
        let last = (0..12).max_by_key(|byte: &u8| key(&byte.to_string()).file_name()).expect("one of them");
        let place = find(&disk.read("catalog.redb").expect("a catalog"), &[last; 1000]);
        disk.corrupt("catalog.redb", place + 500).expect("flipped");
        let (told, _) = mpsc::channel(1);
        owner.scrub(told).await.expect("scrubbed");
        let is_found = |event: &Event| matches!(event, Event::CatalogDamaged { .. });
        assert!(network.events.borrow().iter().any(is_found), "it is no longer in the file");
        assert!(get(&owner, &last.to_string()).await == vec![last; 1000], "the peer has it");
    });
}

fn find(bytes: &[u8], wanted: &[u8]) -> u64 {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("it lies there in the clear") as u64
}

#[test]
fn a_verification_of_a_large_replica_is_remembered() {
    run(async {
        let network = Network::of(Layout::Folders);
        let (pair, _) = with_large(&network, &SimDisk::new()).await;
        let owner = pair.owner.handle();
        let Holding::Current { verified: stored, is_fresh: false } = holding(&owner, false).await else {
            panic!("it was compared when it was taken")
        };
        network.clock.set(60_000);
        let Holding::Current { verified, is_fresh: true } = holding(&owner, true).await else { panic!("it is good") };
        assert_eq!(verified.0, stored.0 + 60_000);
        network.clock.set(90_000);
        assert_eq!(holding(&owner, false).await, Holding::Current { verified, is_fresh: false });
    });
}

#[test]
fn a_version_that_is_stored_while_peers_verify_is_not_deleted_in_the_place_of_another() {
    run(async {
        let disk = SimDisk::new();
        let pair = Network::default().pair(&SimDisk::new(), &disk).await;
        let owner = pair.owner.handle();
        put(&owner, "a", vec![1; 22]).await;
        disk.set_delay(Some(Duration::from_millis(20)));
        let deleting = tokio::task::spawn_local({
            let owner = owner.clone();
            async move { owner.delete_if_held(&key("a"), 1).await }
        });
        sleep(Duration::from_millis(5)).await;
        put(&owner, "a", vec![2; 22]).await;
        let kept = deleting.await.expect("it ends");
        assert!(matches!(kept, Err(DeleteError::Changed)), "{kept:?}");
        assert!(owner.stat(&key("a")).await.expect("known").is_local);
    });
}

#[test]
fn without_a_peer_the_only_copy_stays() {
    run(async {
        let node = Network::default().start(OWNER, &SimDisk::new(), &[]).await;
        put(&node.handle(), "a", vec![1; 22]).await;
        let kept = node.handle().delete_if_held(&key("a"), 1).await;
        assert!(matches!(kept, Err(DeleteError::TooFewReplicas { wanted: 1, found: 0, asked: 0 })), "{kept:?}");
        node.handle().delete(&key("a")).await.expect("deleted");
    });
}

#[test]
fn a_peer_that_never_comes_to_an_end_does_not_count() {
    run(async {
        let network = Network::default();
        ScriptedPeer::new(1).hold(&network, 4000, |_, _| None);
        let node = network.start(OWNER, &SimDisk::new(), &[4000]).await;
        connected(&node.handle(), 1).await;
        put(&node.handle(), "a", vec![1; 22]).await;
        let kept = node.handle().delete_if_held(&key("a"), 1).await;
        assert!(matches!(kept, Err(DeleteError::TooFewReplicas { found: 0, asked: 1, .. })), "{kept:?}");
    });
}

//! A disk that hangs, fails or is full under a node of the star: what the node goes on doing, and what it says of its
//! disk.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::limits::{CALLS_MAX, DISK_CHECK_KEPT, DISK_CHECK_TIMEOUT};
use dacapo::node::{Content, DeleteError, DiskCheckError, GetError, Handle, Holder, Holding, Lane};
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo_sim::disk::{CallKind, SimDisk};
use dacapo_sim::store::walkthrough::star::{self, key};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{self, Network, OWNER, Pair, files_below, get, put, scrub, stop};
use crate::support::scripted::run;

#[test]
fn a_disk_that_hangs_costs_a_node_none_of_its_peers() {
    let outcome = run(async |cluster, origin| {
        cluster.disk("n3000").set_paused(true);
        cluster.disk(star::ORIGIN).set_paused(true);
        sleep(Duration::from_secs(40)).await;
        let connected = origin.peers().await.iter().filter(|peer| peer.is_connected).count();
        assert_eq!(connected, 2);
        cluster.disk("n3000").set_paused(false);
        cluster.disk(star::ORIGIN).set_paused(false);
        star::store(&origin, 0).await
    });
    for host in star::NODES {
        let lost = outcome.trace.events(host).filter(|event| matches!(event, Event::PeerLost { .. })).count();
        assert_eq!(lost, 0, "{host}");
    }
}

/// A scrub does not pass over the files of a listing that it cannot read.
#[test]
fn a_scrub_says_where_it_could_not_read_the_catalog() {
    run(async |cluster, origin| {
        star::store(&origin, 0).await?;
        let scrubbed = async || {
            let (told, _) = tokio::sync::mpsc::channel(1);
            origin.scrub(told).await
        };
        assert_eq!(scrubbed().await?.failed, 0);
        for kind in [CallKind::Read, CallKind::Write] {
            cluster.disk(star::ORIGIN).set_errors(kind, 1000, Seed::from_u64(1).rng(Lane::Iv));
        }
        // At its first error the database is closed, and it cannot be opened again while the disk fails.
        assert!(matches!(origin.delete_everywhere(&key(0)).await, Err(DeleteError::Unconfirmed(_))));
        let what = "the catalog, each of the three listings, and the look for strays";
        assert_eq!(scrubbed().await?.failed, 5, "{what}");
        Ok(())
    });
}

/// A full peer would refuse the replica from any sender.
#[test]
fn nobody_relays_to_a_peer_that_has_refused_a_replica() {
    let outcome = run(async |cluster, origin| {
        cluster.disk("n3000").set_capacity(Some(0));
        assert_eq!(origin.store(&key(0), Content::bytes(vec![1; 20_000])).await?.replicas(), 1);
        sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    let repaired = |event: &&Event| matches!(event, Event::PeerRepaired { failed: 1, .. });
    assert!(outcome.trace.events(star::ORIGIN).filter(repaired).count() >= 2, "the origin has tried again");
    let served = |event: &&Event| matches!(event, Event::ReplicaServed { .. });
    assert_eq!(outcome.trace.events("n7000").filter(served).count(), 0);
}

/// Makes a sector of the only file of this length unreadable.
fn lose_sector(disk: &SimDisk, bytes: u64) {
    let is_file = |len: u64, path: &str| len == bytes && path.contains('/');
    let file = disk.tree().into_iter().find(|(path, _, len)| is_file(*len, path)).expect("there").0;
    disk.lose_sector(&file, bytes / 2).expect("a file");
}

async fn found(node: &Handle) -> (u64, u64, u64) {
    let scrubbed = scrub(node).await;
    (scrubbed.damaged, scrubbed.restored, scrubbed.failed)
}

#[test]
fn an_own_file_with_a_sector_that_cannot_be_read_comes_back_from_a_peer() {
    in_memory::run(async {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &SimDisk::new()).await;
        let handle = owner.handle();
        put(&handle, "a", vec![7; 100_000]).await;
        lose_sector(&disk, 100_000);
        assert_eq!(get(&handle, "a").await, vec![7; 100_000]);
        assert_eq!(found(&handle).await, (0, 0, 0), "the peer's copy has taken its place");
        lose_sector(&disk, 100_000);
        assert_eq!(found(&handle).await, (1, 1, 0));
        stop(holder).await;
        lose_sector(&disk, 100_000);
        let error = handle.get(&in_memory::key("a")).await.expect_err("nobody has it");
        assert!(matches!(error, GetError::Disk(_)), "{error}");
        assert_eq!(found(&handle).await, (0, 0, 1));
        assert_eq!(files_below(&disk, "quarantine").len(), 2, "the last copy stays where it is");
    });
}

#[test]
fn a_replica_with_a_sector_that_cannot_be_read_is_sent_again_after_a_scrub() {
    in_memory::run(async {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let Pair { owner, holder } = network.pair(&SimDisk::new(), &disk).await;
        put(&owner.handle(), "a", vec![7; 99_984]).await;
        disk.set_errors(CallKind::Read, 1000, Seed::from_u64(1).rng(Lane::Iv));
        let (damaged, _, failed) = found(&holder.handle()).await;
        assert_eq!((damaged, failed > 0), (0, true), "the whole disk fails, and nothing is set aside");
        disk.set_errors(CallKind::Read, 0, Seed::from_u64(1).rng(Lane::Iv));
        lose_sector(&disk, 100_000);
        assert_eq!(found(&holder.handle()).await, (1, 0, 0));
        sleep(Duration::from_secs(30)).await;
        let holders = owner.handle().verified_holders(&in_memory::key("a")).await.expect("known");
        assert!(matches!(holders[..], [Holder { holding: Holding::Current { .. }, .. }]), "{holders:?}");
    });
}

/// A disk may take what is written into its memory, and then lose it.
#[test]
fn a_disk_that_syncs_nothing_does_not_count_as_one_that_works() {
    in_memory::run(async {
        let disk = FaultDisk::new(&SimDisk::new(), None);
        let node = Network::default().try_start(OWNER, disk.clone(), &[]).await.expect("the node starts");
        node.handle().check_disk().await.expect("it works");
        sleep(DISK_CHECK_KEPT).await;
        disk.arm("sync tmp/", Fault::Error(io::ErrorKind::Other));
        let error = node.handle().check_disk().await.expect_err("its sync has failed");
        assert!(matches!(error, DiskCheckError::Failed(_)), "{error}");
        sleep(DISK_CHECK_KEPT).await;
        node.handle().check_disk().await.expect("it works again");
    });
}

#[test]
fn those_who_ask_at_once_whether_the_disk_works_share_one_look() {
    in_memory::run(async {
        let disk = FaultDisk::new(&SimDisk::new(), None);
        let node = Network::default().try_start(OWNER, disk.clone(), &[]).await.expect("the node starts");
        let (first, second) = (node.handle(), node.handle());
        let syncs = || disk.calls().iter().filter(|call| call.starts_with("sync tmp/")).count();
        let before = syncs();
        let (first, second) = tokio::join!(biased; first.check_disk(), second.check_disk());
        assert!(first.is_ok() && second.is_ok());
        node.handle().check_disk().await.expect("it works");
        assert_eq!(syncs() - before, 1);
        sleep(DISK_CHECK_KEPT).await;
        node.handle().check_disk().await.expect("it works");
        assert_eq!(syncs() - before, 2);
    });
}

#[test]
fn those_who_share_a_look_at_the_disk_are_answered_in_the_order_in_which_they_asked() {
    in_memory::run(async {
        let node = Network::default().try_start(OWNER, SimDisk::new().boot(), &[]).await.expect("the node starts");
        let answered = Rc::new(RefCell::new(Vec::new()));
        let ask = |number: usize| {
            let (node, answered) = (node.handle(), answered.clone());
            spawn_local(async move {
                node.check_disk().await.expect("it works");
                answered.borrow_mut().push(number);
            })
        };
        for asked in (0..32).map(ask).collect::<Vec<_>>() {
            asked.await.expect("it does not panic");
        }
        assert_eq!(*answered.borrow(), Vec::from_iter(0..32));
    });
}

#[test]
fn looks_at_a_disk_that_hangs_end_in_time_and_hold_no_calls() {
    in_memory::run(async {
        let disk = SimDisk::new();
        let boot = disk.boot();
        let node = Network::default().try_start(OWNER, boot.clone(), &[]).await.expect("the node starts");
        let handle = node.handle();
        boot.set_paused(true);
        for _ in 0..2 * CALLS_MAX {
            let looked = timeout(2 * DISK_CHECK_TIMEOUT, handle.check_disk()).await.expect("in time");
            assert!(matches!(looked, Err(DiskCheckError::Silent)), "{looked:?}");
        }
        boot.set_paused(false);
        let second = Duration::from_secs(1);
        let status = timeout(second, handle.status()).await.expect("in time").expect("the disk works");
        assert_eq!(status.load.calls, 0);
        sleep(DISK_CHECK_KEPT).await;
        handle.check_disk().await.expect("it works again");
    });
}

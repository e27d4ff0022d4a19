//! Replicas that pass from one peer to another, because the owner has no copy of its own.

use std::time::Duration;

use dacapo::node::{GetError, Holder, Holding, Progress};
use dacapo::store::layout::Layout;
use dacapo_sim::disk::SimDisk;
use tokio::time::sleep;

use crate::support::in_memory::{HOLDER, Network, OWNER, connected, files_below, get, key, put, run};

/// A replica that a holder sends as it reads it, without a look at the whole before.
const BYTES: usize = 200_000;

#[test]
fn a_rotten_replica_keeps_no_new_peer_from_a_good_one() {
    for rotten in [HOLDER, HOLDER + 1] {
        run(async move {
            let network = Network::of(Layout::Folders);
            let disks = [SimDisk::new(), SimDisk::new()];
            let _first = network.start(HOLDER, &disks[0], &[]).await;
            let _second = network.start(HOLDER + 1, &disks[1], &[]).await;
            let owner = network.start(OWNER, &SimDisk::new(), &[HOLDER, HOLDER + 1]).await;
            let handle = owner.handle();
            connected(&handle, 2).await;
            put(&handle, "a", vec![7; BYTES]).await;
            handle.delete(&key("a")).await.expect("deleted");
            let disk = &disks[usize::from(rotten - HOLDER)];
            let [path] = files_below(disk, &handle.node().to_string()).try_into().expect("one replica");
            disk.corrupt(&path, 100_000).expect("flipped");
            let _third = network.start(HOLDER + 2, &SimDisk::new(), &[OWNER]).await;
            sleep(Duration::from_secs(60)).await;
            let peers = handle.peers().await;
            assert!(peers.iter().all(|peer| peer.progress == Progress::Current), "{peers:?}");
            let holders = handle.verified_holders(&key("a")).await.expect("known");
            let is_good = |holder: &&Holder| matches!(holder.holding, Holding::Current { .. });
            assert!(holders.iter().filter(is_good).count() >= 2, "{holders:?}");
            assert_eq!(get(&handle, "a").await, vec![7; BYTES]);
        });
    }
}

#[test]
fn a_large_replica_that_a_get_finds_bad_is_set_aside_by_its_holder() {
    run(async move {
        let (network, disk) = (Network::of(Layout::Folders), SimDisk::new());
        let pair = network.pair(&SimDisk::new(), &disk).await;
        let (owner, holder) = (pair.owner.handle(), pair.holder.handle());
        put(&owner, "a", vec![7; BYTES]).await;
        owner.delete(&key("a")).await.expect("deleted");
        let [path] = files_below(&disk, &owner.node().to_string()).try_into().expect("one replica");
        disk.corrupt(&path, 100_000).expect("flipped");
        assert!(matches!(owner.get(&key("a")).await, Err(GetError::Damaged { damaged: 1, .. })));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(holder.held_for(owner.node()).await.expect("readable").files, 0, "it is sent again from elsewhere");
    });
}

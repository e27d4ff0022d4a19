//! An owner takes up no more of a peer's disk than its quota: what goes beyond is refused with the reason, also where many
//! stores run at once, and what it deletes or replaces makes room again.

#[path = "support/network.rs"]
mod network;

use dacapo::limits::QUOTA_FILE_BYTES;
use dacapo::node::{Handle, Node, Quota, ReplicaError};
use dacapo::protocol::Refusal;
use dacapo_sim::disk::SimDisk;
use network::{Network, connected, get, key, put, run};

/// An owner, and a holder that gives it so much.
async fn pair(quota: Quota) -> (Network, [Node; 2], [SimDisk; 2]) {
    let network = Network::with_quota(quota);
    let disks = [SimDisk::new(), SimDisk::new()];
    let holder = network.start(3000, &disks[0], &[]).await;
    let owner = network.start(5000, &disks[1], &[3000]).await;
    connected(&owner.handle(), 1).await;
    (network, [holder, owner], disks)
}

async fn refusal(owner: &Handle, name: &str, bytes: usize) -> Option<Refusal> {
    match put(owner, name, vec![7; bytes]).await.receipts.remove(0).outcome {
        Ok(()) => None,
        Err(ReplicaError::Refused(refusal)) => Some(refusal),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_owner_has_no_more_bytes_than_its_quota() {
    run(async {
        let max = QUOTA_FILE_BYTES + 1000;
        let quota = Quota { bytes_max: Some(max), files_max: None };
        let (network, [holder, owner], disks) = pair(quota).await;
        let (holder_handle, handle) = (holder.handle(), owner.handle());
        let full = Some(Refusal::QuotaBytes { max });
        assert_eq!(refusal(&handle, "a", 500).await, None);
        assert_eq!(refusal(&handle, "b", 500).await, full);
        assert_eq!(refusal(&handle, "large", 100_000).await, full, "before its content has come");
        assert_eq!(refusal(&handle, "a", 900).await, None, "the older version counts no more");
        assert_eq!(refusal(&handle, "a", 985).await, full);
        assert_eq!(get(&handle, "b").await, vec![7; 500], "it is stored here all the same");
        handle.delete_everywhere(&key("a")).await.expect("deleted");
        assert_eq!(refusal(&handle, "c", 984).await, None);
        let held = holder_handle.held_for(handle.node()).await.expect("readable");
        assert_eq!((held.files, held.bytes, held.tombstones), (1, 1000, 1));
        network::stop(holder).await;
        let holder = network.start(3000, &disks[0], &[]).await;
        connected(&handle, 1).await;
        assert_eq!(holder.handle().held_for(handle.node()).await.expect("readable"), held, "as counted anew");
        assert_eq!(refusal(&handle, "d", 0).await, full);
        network::stop(holder).await;
        // A holder that gives less than is there.
        let network = network.and_quota(Quota { bytes_max: Some(10), files_max: None });
        let _holder = network.start(3000, &disks[0], &[]).await;
        connected(&handle, 1).await;
        let less = Some(Refusal::QuotaBytes { max: 10 });
        assert_eq!([refusal(&handle, "c", 985).await, refusal(&handle, "c", 983).await], [less, None]);
    });
}

#[test]
fn an_owner_has_no_more_files_than_its_quota() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(2) };
        let (_network, [holder, owner], _disks) = pair(quota).await;
        let handle = owner.handle();
        for name in ["a", "b"] {
            assert_eq!(refusal(&handle, name, 10).await, None);
        }
        assert_eq!(refusal(&handle, "c", 10).await, Some(Refusal::QuotaFiles { max: 2 }));
        assert_eq!(refusal(&handle, "a", 20).await, None, "an overwrite is no file more");
        let refused = |peers: Vec<dacapo::node::PeerInfo>| peers[0].refused;
        assert!(refused(holder.handle().peers().await) >= 1, "it is counted");
        assert_eq!(refused(handle.peers().await), 0);
    });
}

#[test]
fn stores_at_the_same_time_do_not_exceed_a_quota_together() {
    run(async {
        let quota = Quota { bytes_max: Some(5 * (1016 + QUOTA_FILE_BYTES)), files_max: None };
        let (_network, [holder, owner], disks) = pair(quota).await;
        disks[0].set_delay(Some(std::time::Duration::from_millis(20)));
        let stores: Vec<_> = (0..40)
            .map(|number| {
                let handle = owner.handle();
                tokio::task::spawn_local(async move { refusal(&handle, &format!("k{number}"), 1000).await })
            })
            .collect();
        let mut taken = 0;
        for store in stores {
            taken += u32::from(store.await.expect("no panic").is_none());
        }
        let held = holder.handle().held_for(owner.handle().node()).await.expect("readable");
        assert!((1..=5).contains(&taken) && held.bytes <= 5 * 1016, "{taken} were taken, {held:?}");
    });
}

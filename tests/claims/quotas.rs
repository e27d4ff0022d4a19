//! An owner takes up no more of a peer's disk than its quota: the peer refuses what goes beyond it and says why, even
//! if many stores run at once, and what the owner deletes or replaces makes room again.

use std::time::Duration;

use dacapo::crypto::{ReplicaName, Version};
use dacapo::event::Event;
use dacapo::limits::QUOTA_FILE_BYTES;
use dacapo::node::{Handle, Quota, ReplicaError};
use dacapo::protocol::{Message, Refusal, read_message};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::store_at;
use tokio::time::sleep;

use crate::support::in_memory::{HOLDER, Network, Pair, connected, get, key, put, run, stop};
use crate::support::scripted_peer::{Replica, ScriptedPeer, send};

/// Stores a file, and returns why the only peer refuses the replica, or `None` if it takes it.
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
        let (network, disk) = (Network::with_quota(quota), SimDisk::new());
        let Pair { owner, holder } = network.pair(&SimDisk::new(), &disk).await;
        let (holder_handle, handle) = (holder.handle(), owner.handle());
        let full = Some(Refusal::QuotaBytes { max });
        assert_eq!(refusal(&handle, "a", 500).await, None);
        assert_eq!(refusal(&handle, "b", 500).await, full);
        assert_eq!(refusal(&handle, "large", 100_000).await, full, "refused before its content is sent");
        assert_eq!(refusal(&handle, "a", 900).await, None, "the older version does not count any more");
        assert_eq!(refusal(&handle, "a", 985).await, full);
        assert_eq!(get(&handle, "b").await, vec![7; 500], "the owner keeps it all the same");
        handle.delete_everywhere(&key("a")).await.expect("deleted");
        assert_eq!(refusal(&handle, "c", 984).await, None);
        let held = holder_handle.held_for(handle.node()).await.expect("readable");
        assert_eq!((held.files, held.bytes, held.tombstones), (1, 1000, 1));
        stop(holder).await;
        let holder = network.start(HOLDER, &disk, &[]).await;
        connected(&handle, 1).await;
        assert_eq!(
            holder.handle().held_for(handle.node()).await.expect("readable"),
            held,
            "the count after a start is the one before"
        );
        assert_eq!(refusal(&handle, "d", 0).await, full);
        stop(holder).await;
        // From here on the holder gives less than it holds.
        let network = network.and_quota(Quota { bytes_max: Some(10), files_max: None });
        let _holder = network.start(HOLDER, &disk, &[]).await;
        connected(&handle, 1).await;
        let less = Some(Refusal::QuotaBytes { max: 10 });
        assert_eq!([refusal(&handle, "c", 985).await, refusal(&handle, "c", 983).await], [less, None]);
    });
}

#[test]
fn an_owner_has_no_more_files_than_its_quota() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(2) };
        let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &SimDisk::new()).await;
        let handle = owner.handle();
        for name in ["a", "b"] {
            assert_eq!(refusal(&handle, name, 10).await, None);
        }
        assert_eq!(refusal(&handle, "c", 10).await, Some(Refusal::QuotaFiles { max: 2 }));
        assert_eq!(refusal(&handle, "a", 20).await, None, "an overwrite adds no file");
        let refused = |peers: Vec<dacapo::node::PeerInfo>| peers[0].refused;
        assert!(refused(holder.handle().peers().await) >= 1, "the holder counts its refusals");
        assert_eq!(refused(handle.peers().await), 0);
    });
}

#[test]
fn stores_at_the_same_time_do_not_exceed_a_quota_together() {
    run(async {
        let quota = Quota { bytes_max: Some(5 * (1016 + QUOTA_FILE_BYTES)), files_max: None };
        let disk = SimDisk::new();
        let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &disk).await;
        disk.set_delay(Some(Duration::from_millis(20)));
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

#[test]
fn a_file_that_fits_is_taken_beside_files_that_do_not() {
    run(async {
        let quota = Quota { bytes_max: Some(2 * (1016 + QUOTA_FILE_BYTES)), files_max: None };
        let disk = SimDisk::new();
        let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &disk).await;
        let owner = owner.handle();
        assert_eq!(refusal(&owner, "held", 1000).await, None);
        disk.set_delay(Some(Duration::from_millis(20)));
        let store = |name: String, bytes| {
            let owner = owner.clone();
            tokio::task::spawn_local(async move { refusal(&owner, &name, bytes).await })
        };
        let large: Vec<_> = (0..8).map(|number| store(format!("large {number}"), 10_000)).collect();
        let small = store("small".to_owned(), 1000).await.expect("no panic");
        assert_eq!(small, None, "what does not fit takes no room");
        for refused in large {
            assert!(refused.await.expect("no panic").is_some());
        }
        stop(holder).await;
    });
}

#[test]
fn a_replica_counts_once_at_every_moment_of_its_store() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(2) };
        for offset in (0..400).step_by(10) {
            let disk = SimDisk::new();
            let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &disk).await;
            disk.set_delay(Some(Duration::from_millis(40)));
            let handle = owner.handle();
            let first = tokio::task::spawn_local(async move { refusal(&handle, "a", 200_000).await });
            sleep(Duration::from_millis(offset)).await;
            assert_eq!(refusal(&owner.handle(), "b", 200_000).await, None, "{offset} ms after the first began");
            assert_eq!(first.await.expect("no panic"), None);
            stop(owner).await;
            stop(holder).await;
        }
    });
}

#[test]
fn a_full_disk_is_told_once_and_again_after_there_was_room() {
    run(async {
        let (network, owner, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&owner, &holder).await;
        let told = || network.events.borrow().iter().filter(|event| matches!(event, Event::DiskFilled { .. })).count();
        holder.set_capacity(Some(0));
        for name in ["a", "b", "c"] {
            assert_eq!(put(&pair.owner.handle(), name, vec![1; 100_000]).await.replicas(), 0);
        }
        sleep(Duration::from_secs(120)).await;
        let refusing = pair.owner.handle().repairs().await.expect("it runs").refusing;
        let refusing: Vec<_> = refusing.values().map(|refusing| (refusing.files, refusing.reason.as_str())).collect();
        assert_eq!((refusing, told()), (vec![(3, "its disk is full")], 1));
        holder.set_capacity(None);
        sleep(Duration::from_secs(120)).await;
        assert!(pair.owner.handle().repairs().await.expect("it runs").refusing.is_empty());
        holder.set_capacity(Some(0));
        assert_eq!(put(&pair.owner.handle(), "d", vec![1; 100_000]).await.replicas(), 0);
        assert_eq!(told(), 2);
        pair.stop().await;
    });
}

#[test]
fn replicas_of_one_file_that_come_at_the_same_time_do_not_exceed_a_quota() {
    run(async {
        let (peer, name) = (ScriptedPeer::new(9), ReplicaName([7; 16]));
        let replica = Replica::unsealed(peer.node(), name, Version(1), vec![5; 100_000]);
        let bytes = replica.bytes.len() as u64;
        let max = bytes + QUOTA_FILE_BYTES;
        let network = Network::with_quota(Quota { bytes_max: Some(max), files_max: None });
        let holder = network.start(HOLDER, &SimDisk::new(), &[]).await;
        let mut links = Vec::new();
        for _ in 0..3 {
            links.push(peer.asking(&network, HOLDER).await.expect("let in"));
        }
        let mut answers = Vec::new();
        assert_eq!(store_at(&mut links[0], &replica).await.expect("answered"), Message::Stored);
        for (link, version) in links.iter_mut().zip(2..) {
            let version = Version(version);
            let offer = Message::StoreFile { owner: peer.node(), replica_name: name, version, sealed_bytes: bytes };
            send(link, &offer).await.expect("sent");
            answers.push(read_message(link).await.expect("answered"));
        }
        let full = Message::Refused(Refusal::QuotaBytes { max });
        assert_eq!(answers, [Message::Proceed, full.clone(), full], "one of them takes the place of what is there");
        stop(holder).await;
    });
}

#[test]
fn what_a_peer_has_refused_and_whether_it_was_compared_is_not_told_once_it_is_away() {
    run(async {
        let quota = Quota { bytes_max: Some(1000), files_max: None };
        let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &SimDisk::new()).await;
        let handle = owner.handle();
        put(&handle, "a", vec![1; 100_000]).await;
        sleep(Duration::from_secs(20)).await;
        let told = async || {
            let repairs = handle.repairs().await.expect("it runs");
            (repairs.compared.len(), repairs.refusing.len())
        };
        assert_eq!(told().await, (1, 1));
        stop(holder).await;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(told().await, (0, 0), "the next one with its id may have another disk");
        stop(owner).await;
    });
}

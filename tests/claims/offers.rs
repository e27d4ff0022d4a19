//! What a full peer has refused is offered to it again: a few files at a time, each in its turn, and what may fit at
//! once.

use std::time::Duration;

use dacapo::limits::{DISK_REFUSALS_MAX, QUOTA_FILE_BYTES, QUOTA_REFUSALS_MAX, REPAIRS_MAX};
use dacapo::node::{Handle, Quota};
use dacapo_sim::disk::SimDisk;
use tokio::time::sleep;

use crate::support::in_memory::{HOLDER, Network, OWNER, Pair, connected, key, put, run, stop};

#[test]
fn a_full_quota_is_offered_the_same_files_more_seldom_until_there_is_room() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(2) };
        let Pair { owner, holder } = Network::with_quota(quota).pair(&SimDisk::new(), &SimDisk::new()).await;
        let (owner, holder) = (owner.handle(), holder.handle());
        for name in ["a", "b", "c", "d", "e"] {
            put(&owner, name, vec![1; 10]).await;
        }
        let at_first = holder.peers().await[0].refused;
        sleep(Duration::from_secs(1200)).await;
        let refused = holder.peers().await[0].refused - at_first;
        assert!((60..=105).contains(&refused), "three files were offered {refused} times in 20 minutes");
        owner.delete_everywhere(&key("a")).await.expect("deleted");
        sleep(Duration::from_secs(15)).await;
        let held = holder.held_for(owner.node()).await.expect("readable");
        assert_eq!((held.files, held.tombstones), (2, 1));
    });
}

#[test]
fn a_disk_that_takes_nothing_is_offered_a_few_files_at_a_time_and_each_in_its_turn() {
    run(async {
        let (owner, disk) = (SimDisk::new(), SimDisk::new());
        let pair = Network::default().pair(&owner, &disk).await;
        let (owner, holder) = (pair.owner.handle(), pair.holder.handle());
        disk.set_capacity(Some(0));
        for number in 0..60 {
            put(&owner, &format!("large {number}"), vec![1; 100_000]).await;
        }
        put(&owner, "small 0", vec![1; 10]).await;
        let at_first = holder.peers().await[0].refused;
        sleep(Duration::from_secs(120)).await;
        let refused = holder.peers().await[0].refused - at_first;
        let repairs = 7;
        let at_once = DISK_REFUSALS_MAX + REPAIRS_MAX;
        assert!(refused <= (repairs * at_once) as u64, "{refused} offers to a disk that takes nothing");
        let refusing = owner.repairs().await.expect("it runs").refusing;
        assert_eq!(refusing.values().map(|refusing| refusing.files).collect::<Vec<_>>(), [61]);
        let used: u64 = disk.tree().iter().map(|(.., bytes)| bytes.next_multiple_of(4096)).sum();
        disk.set_capacity(Some(used + 50_000));
        sleep(Duration::from_secs(120)).await;
        assert_eq!(holder.held_for(owner.node()).await.expect("readable").files, 1, "the small one had its turn");
        disk.set_capacity(None);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(holder.held_for(owner.node()).await.expect("readable").files, 61);
        pair.stop().await;
    });
}

#[test]
fn a_full_quota_is_offered_some_files_at_a_time_and_each_in_its_turn() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(2) };
        let pair = Network::with_quota(quota).pair(&SimDisk::new(), &SimDisk::new()).await;
        let (owner, holder) = (pair.owner.handle(), pair.holder.handle());
        let key = |number: usize| format!("k{number}");
        for number in 0..3 * QUOTA_REFUSALS_MAX {
            put(&owner, &key(number), vec![1; 10]).await;
        }
        let at_first = holder.peers().await[0].refused;
        sleep(Duration::from_secs(120)).await;
        let refused = holder.peers().await[0].refused - at_first;
        let (repairs, at_once) = (4, QUOTA_REFUSALS_MAX + REPAIRS_MAX);
        assert!(refused <= (repairs * at_once) as u64, "{refused} offers to a peer without room");
        let refusing = owner.repairs().await.expect("it runs").refusing;
        let without_room = 3 * QUOTA_REFUSALS_MAX as u64 - 2;
        assert_eq!(refusing.values().map(|refusing| refusing.files).collect::<Vec<_>>(), [without_room]);
        for number in 0..2 {
            owner.delete_everywhere(&key(number).parse().expect("a key")).await.expect("deleted");
        }
        sleep(Duration::from_secs(60)).await;
        assert_eq!(holder.held_for(owner.node()).await.expect("readable").files, 2, "others have the places");
        pair.stop().await;
    });
}

/// Longer than the first repair takes, and shorter than the wait for the second one.
const FIRST_REPAIR: Duration = Duration::from_secs(3);

/// Stores so many files that a quota has no room for, while their holder is away.
async fn put_without_room(owner: &Handle) {
    for number in 0..6 * QUOTA_REFUSALS_MAX {
        put(owner, &format!("large {number}"), vec![1; 1000]).await;
    }
}

#[test]
fn a_file_that_fits_is_taken_soon_from_among_many_that_do_not() {
    run(async {
        let quota = Quota { bytes_max: Some(QUOTA_FILE_BYTES + 50), files_max: None };
        let network = Network::with_quota(quota);
        let owner = network.start(OWNER, &SimDisk::new(), &[HOLDER]).await;
        let owner = owner.handle();
        put_without_room(&owner).await;
        put(&owner, "small", vec![1; 10]).await;
        let holder = network.start(HOLDER, &SimDisk::new(), &[]).await;
        connected(&owner, 1).await;
        sleep(FIRST_REPAIR).await;
        let held = holder.handle().held_for(owner.node()).await.expect("readable");
        assert_eq!((held.files, held.bytes), (1, 26));
    });
}

#[test]
fn newer_versions_of_what_a_full_peer_holds_are_taken_soon() {
    run(async {
        let quota = Quota { bytes_max: None, files_max: Some(5) };
        let (network, disk) = (Network::with_quota(quota), SimDisk::new());
        let holder = network.start(HOLDER, &disk, &[]).await;
        let owner = network.start(OWNER, &SimDisk::new(), &[HOLDER]).await;
        let owner = owner.handle();
        connected(&owner, 1).await;
        for number in 0..5 {
            assert_eq!(put(&owner, &format!("small {number}"), vec![1; 10]).await.replicas(), 1);
        }
        stop(holder).await;
        put_without_room(&owner).await;
        for number in 0..5 {
            put(&owner, &format!("small {number}"), vec![1; 20]).await;
        }
        let holder = network.start(HOLDER, &disk, &[]).await;
        connected(&owner, 1).await;
        sleep(FIRST_REPAIR).await;
        let held = holder.handle().held_for(owner.node()).await.expect("readable");
        assert_eq!((held.files, held.bytes), (5, 5 * 36));
    });
}

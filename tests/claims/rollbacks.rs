//! A data directory that was put back from an older copy: nothing that was acknowledged in either life is lost without
//! a word, and the node says that it went back.

use std::time::Duration;

use dacapo::disk::{Disk, DiskPath};
use dacapo::event::Event;
use dacapo::node::{GetError, Holding};
use dacapo_sim::disk::SimDisk;

use crate::support::in_memory::{HOLDER, Network, OWNER, Pair, connected, files_below, get, key, put, run, stop};

/// The time that passes between two lives, in milliseconds.
const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;

/// More than the wait of a repair that failed.
const REPAIRED: Duration = Duration::from_secs(60);

/// Two disks whose owner has lived on after its disk was copied.
struct Lives {
    network: Network,
    owner: SimDisk,
    holder: SimDisk,
    copy: SimDisk,
}

impl Lives {
    /// Stores three files, copies the owner's disk, stores and deletes more, and puts the copy back. `week` is how long
    /// the node lives on after the copy; nothing if its clock stands still.
    async fn live(week: i64) -> Self {
        let (network, owner, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&owner, &holder).await;
        for name in ["report", "diary", "plan", "untouched"] {
            put(&pair.owner.handle(), name, b"monday".to_vec()).await;
        }
        stop(pair.owner).await;
        let copy = owner.copy();
        let lives = Self { network, owner, holder, copy };
        let node = lives.network.start(OWNER, &lives.owner, &[HOLDER]).await;
        connected(&node.handle(), 1).await;
        put(&node.handle(), "diary", b"tuesday".to_vec()).await;
        put(&node.handle(), "report", b"tuesday".to_vec()).await;
        put(&node.handle(), "report", b"wednesday".to_vec()).await;
        put(&node.handle(), "new", b"wednesday".to_vec()).await;
        node.handle().delete_everywhere(&key("plan")).await.expect("deleted");
        stop(node).await;
        stop(pair.holder).await;
        lives.owner.restore(&lives.copy);
        lives.network.clock.set(week);
        lives
    }

    /// Starts the owner on the copy while the holder is away, stores `names`, and starts the holder.
    async fn go_on(&self, names: &[&str]) -> Pair {
        let owner = self.network.start(OWNER, &self.owner, &[HOLDER]).await;
        for name in names {
            put(&owner.handle(), name, b"thursday".to_vec()).await;
        }
        let holder = self.network.start(HOLDER, &self.holder, &[]).await;
        connected(&owner.handle(), 1).await;
        tokio::time::sleep(REPAIRED).await;
        Pair { owner, holder }
    }

    fn has_said_so(&self) -> bool {
        self.network.events.borrow().iter().any(|event| matches!(event, Event::RolledBack { .. }))
    }
}

#[test]
fn what_is_stored_after_a_directory_was_put_back_wins_over_the_life_that_was_lost() {
    for week in [WEEK, 0] {
        run(async {
            let lives = Lives::live(week).await;
            let Pair { owner, holder } = lives.go_on(&["report", "diary", "plan"]).await;
            for name in ["report", "diary", "plan"] {
                assert_eq!(get(&owner.handle(), name).await, b"thursday", "{name}, here, {week}");
                owner.handle().delete(&key(name)).await.expect("deleted");
                assert_eq!(get(&owner.handle(), name).await, b"thursday", "{name}, from the peer, {week}");
            }
            assert_eq!(get(&owner.handle(), "new").await, b"wednesday", "learnt from the peer");
            assert!(lives.has_said_so(), "{week}");
            let peers = owner.handle().peers().await;
            assert_eq!(peers[0].is_current(), Some(true), "{week}: {peers:?}");
            Pair { owner, holder }.stop().await;
        });
    }
}

#[test]
fn what_was_not_touched_since_comes_up_to_date_and_the_older_copies_are_kept() {
    for week in [WEEK, 0] {
        run(async {
            let lives = Lives::live(week).await;
            let Pair { owner, holder } = lives.go_on(&[]).await;
            assert_eq!(get(&owner.handle(), "report").await, b"wednesday");
            assert_eq!(get(&owner.handle(), "diary").await, b"tuesday");
            assert!(matches!(
                owner.handle().get(&key("plan")).await,
                Err(GetError::Deleted | GetError::NotFound { .. })
            ));
            assert!(lives.has_said_so(), "{week}");
            let kept = files_below(&lives.owner, "kept");
            assert_eq!(kept.len(), 3, "{kept:?}");
            assert!(kept.iter().all(|path| lives.owner.read(path).expect("there") == b"monday"));
            Pair { owner, holder }.stop().await;
        });
    }
}

#[test]
fn a_peer_that_has_another_version_under_the_number_of_ours_is_not_current() {
    run(async {
        let lives = Lives::live(0).await;
        // A node that only learns leaves the peer as it is.
        let owner = lives.network.clone().and_learning().start(OWNER, &lives.owner, &[HOLDER]).await;
        // The second one gets the number of the peer's version.
        put(&owner.handle(), "diary", b"thursday".to_vec()).await;
        let ours = put(&owner.handle(), "diary", b"friday".to_vec()).await.version;
        let holder = lives.network.start(HOLDER, &lives.holder, &[]).await;
        connected(&owner.handle(), 1).await;
        let holders = owner.handle().holders(&key("diary")).await.expect("asked");
        assert!(matches!(holders[0].holding, Holding::Other { .. }), "{ours}: {holders:?}");
        Pair { owner, holder }.stop().await;
    });
}

#[test]
fn a_node_that_was_not_put_back_never_says_so() {
    run(async {
        let (network, disks) = (Network::default(), [SimDisk::new(), SimDisk::new()]);
        for round in 0..4 {
            let pair = network.pair(&disks[0], &disks[1]).await;
            put(&pair.owner.handle(), "a", vec![round; 22]).await;
            stop(pair.holder).await;
            put(&pair.owner.handle(), "b", vec![round; 22]).await;
            stop(pair.owner).await;
            if round == 2 {
                disks[0].boot().remove(&DiskPath::root().child("catalog.redb")).expect("it is lost");
            }
        }
        assert!(!network.events.borrow().iter().any(|event| matches!(event, Event::RolledBack { .. })));
    });
}

#[test]
fn a_store_that_races_with_a_deletion_of_the_lost_life_counts() {
    for offset in 0..80 {
        run(async move {
            let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
            let pair = network.pair(&disk, &holder).await;
            stop(pair.owner).await;
            let copy = disk.copy();
            let owner = network.start(OWNER, &disk, &[HOLDER]).await;
            connected(&owner.handle(), 1).await;
            for _ in 0..20 {
                put(&owner.handle(), "a", b"monday".to_vec()).await;
            }
            owner.handle().delete_everywhere(&key("a")).await.expect("deleted");
            stop(owner).await;
            disk.restore(&copy);
            // Both learning and the store wait for the disk again and again, so their steps alternate in every way.
            let owner = network.start(OWNER, &disk, &[HOLDER]).await;
            disk.set_delay(Some(Duration::from_millis(10)));
            tokio::time::sleep(Duration::from_millis(5 * offset)).await;
            put(&owner.handle(), "a", b"tuesday".to_vec()).await;
            disk.set_delay(None);
            tokio::time::sleep(REPAIRED).await;
            assert_eq!(get(&owner.handle(), "a").await, b"tuesday", "{offset}");
            stop(owner).await;
            stop(pair.holder).await;
        });
    }
}

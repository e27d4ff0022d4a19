//! A node that only learns, as in a recovery: it comes to know everything that its peers hold for it, fetches it, and
//! sends no peer what that peer lacks.

use std::time::Duration;

use dacapo::crypto::Keys;
use dacapo::node::{Content, Names, Progress};
use dacapo::store::{Change, Identity};
use dacapo_sim::disk::SimDisk;
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{HOLDER, Network, OWNER, Pair, connected, get, key, open_store, put, run, stop};

#[test]
fn a_node_that_only_learns_knows_everything_and_sends_nothing() {
    run(async {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new(), SimDisk::new(), SimDisk::new()];
        let Pair { owner, holder: first } = network.pair(&disks[1], &disks[0]).await;
        for name in ["a", "b"] {
            assert_eq!(put(&owner.handle(), name, vec![7; 1000]).await.replicas(), 1);
        }
        stop(first).await;
        // Each of the two holders has one file that the other lacks, or has in an older version.
        let second = network.start(7000, &disks[2], &[]).await;
        stop(owner).await;
        let owner = network.start(5000, &disks[1], &[7000]).await;
        connected(&owner.handle(), 1).await;
        owner.handle().delete_everywhere(&key("b")).await.expect("deleted");
        put(&owner.handle(), "a", vec![8; 1000]).await;
        put(&owner.handle(), "c", vec![9; 1000]).await;
        let id = owner.handle().node();
        stop(owner).await;
        let master = Identity::load(&disks[1]).expect("readable").expect("an identity");
        Identity::restore(&disks[3], &master).expect("an empty disk");
        let first = network.start(3000, &disks[0], &[]).await;
        let before =
            [first.handle().held_for(id).await, second.handle().held_for(id).await].map(Result::unwrap_or_default);
        let recovered = network.and_learning().start(5000, &disks[3], &[3000, 7000]).await;
        let handle = recovered.handle();
        let all_learnt = async {
            while handle.peers().await.iter().filter(|peer| peer.progress == Progress::Current).count() < 2 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), all_learnt).await.expect("it learns");
        let known: Vec<_> =
            handle.list(None).await.expect("readable").into_iter().map(|info| info.key.to_string()).collect();
        assert_eq!(known, ["a", "c"]);
        assert_eq!([get(&handle, "a").await[0], get(&handle, "c").await[0]], [8, 9], "in the newest version");
        sleep(Duration::from_secs(60)).await;
        let after =
            [first.handle().held_for(id).await, second.handle().held_for(id).await].map(Result::unwrap_or_default);
        assert_eq!(after, before, "no peer was sent anything");
    });
}

#[test]
fn a_node_that_only_learns_is_told_how_many_names_there_were() {
    run(async {
        let (network, holder_disk, disk) = (Network::default(), SimDisk::new(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &holder_disk).await;
        for name in ["a", "b", "c"] {
            put(&owner.handle(), name, vec![7; 1000]).await;
        }
        owner.handle().delete_everywhere(&key("c")).await.expect("deleted");
        sleep(Duration::from_secs(30)).await;
        let (master, id) = (Identity::load(&disk).expect("readable").expect("an identity"), owner.handle().node());
        stop(owner).await;
        stop(holder).await;
        {
            // The holder loses one replica, and nobody is left who lists it.
            let (store, _) = open_store(&holder_disk);
            let name = Keys::derive(&master).replica_name(&key("a"));
            assert!(store.commit(&[Change::Lost(id, name)]).expect("committed"));
        }
        let holder = network.start(HOLDER, &holder_disk, &[]).await;
        let lost = SimDisk::new();
        Identity::restore(&lost, &master).expect("an empty disk");
        let recovered = network.and_learning().start(OWNER, &lost, &[HOLDER]).await;
        connected(&recovered.handle(), 1).await;
        sleep(Duration::from_secs(30)).await;
        let names = recovered.handle().repairs().await.expect("readable").names;
        assert_eq!(names, Some(Names { stored: 3, known: 2 }));
        stop(recovered).await;
        stop(holder).await;
    });
}

#[test]
fn a_node_that_only_learns_is_not_current_while_another_one_with_its_identity_stores() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &SimDisk::new()).await;
        let (master, recovered) = (Identity::load(&disk).expect("readable").expect("an identity"), SimDisk::new());
        Identity::restore(&recovered, &master).expect("an empty disk");
        let learner = network.clone().and_learning().start(OWNER + 1, &recovered, &[HOLDER]).await;
        let learner_peer = async || learner.handle().peers().await[0].clone();
        while !learner_peer().await.sees_twin {
            sleep(Duration::from_millis(100)).await;
        }
        put(&owner.handle(), "a", vec![7; 1000]).await;
        sleep(Duration::from_secs(60)).await;
        assert_ne!(learner_peer().await.progress, Progress::Current, "the peer has a file that is not learnt");
        stop(owner).await;
        let all_learnt = async {
            while learner_peer().await.progress != Progress::Current {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(60), all_learnt).await.expect("it learns once it is alone");
        assert_eq!(get(&learner.handle(), "a").await, vec![7; 1000]);
        stop(learner).await;
        stop(holder).await;
    });
}

#[test]
fn a_peer_keeps_the_last_count_also_if_the_store_that_ended_last_had_begun_first() {
    run(async {
        let (network, holder_disk) = (Network::default(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&SimDisk::new(), &holder_disk).await;
        let (handle, id) = (owner.handle(), owner.handle().node());
        let (mut source, content) = duplex(64);
        let begun = handle.clone();
        let storing =
            tokio::task::spawn_local(async move { begun.store(&key("b"), Content::reader(content, None)).await });
        sleep(Duration::from_secs(1)).await;
        put(&handle, "a", vec![7; 1000]).await;
        sleep(Duration::from_secs(8)).await;
        source.write_all(b"late").await.expect("there is room");
        drop(source);
        storing.await.expect("no panic").expect("stored");
        sleep(Duration::from_secs(20)).await;
        stop(owner).await;
        stop(holder).await;
        let (store, _) = open_store(&holder_disk);
        assert_eq!(store.name_count(id).expect("readable").map(|count| count.names), Some(2));
    });
}

#[test]
fn a_version_that_one_peer_alone_has_is_learnt_while_another_peer_is_away() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let disks = [SimDisk::new(), SimDisk::new(), SimDisk::new()];
        let start = |index: u16| network.start(HOLDER + index, &disks[usize::from(index)], &[]);
        let holders = [start(0).await, start(1).await, start(2).await];
        let owner = network.start(OWNER, &disk, &[HOLDER, HOLDER + 1, HOLDER + 2]).await;
        connected(&owner.handle(), 3).await;
        assert_eq!(put(&owner.handle(), "a", vec![7; 1000]).await.replicas(), 3);
        owner.handle().delete(&key("a")).await.expect("deleted");
        stop(owner).await;
        // One holder alone has the version that is stored from elsewhere.
        let [first, second, third] = holders;
        stop(second).await;
        stop(third).await;
        network.put_from_elsewhere(&disk, "a", vec![8; 1000]).await;
        stop(first).await;
        let (second, third) = (start(1).await, start(2).await);
        let owner = network.start(OWNER, &disk, &[HOLDER, HOLDER + 1, HOLDER + 2]).await;
        connected(&owner.handle(), 2).await;
        stop(third).await;
        let first = start(0).await;
        sleep(Duration::from_secs(60)).await;
        let peers = owner.handle().peers().await;
        assert_eq!(peers.iter().filter(|peer| peer.is_current() == Some(true)).count(), 2, "{peers:?}");
        // The version that was known before is at a peer that is away, so the newer one is in two other places.
        stop(first).await;
        stop(second).await;
        assert_eq!(get(&owner.handle(), "a").await, vec![8; 1000]);
        stop(owner).await;
    });
}

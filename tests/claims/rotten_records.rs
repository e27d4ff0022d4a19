//! A record of an own file that rots in the catalog: it reaches no peer, and takes no later store with it.

use std::time::Duration;

use dacapo::crypto::{Tag, Tombstone, Version};
use dacapo::node::{Content, GetError, Node};
use dacapo::store::{Change, OwnRecord};
use dacapo_sim::disk::SimDisk;
use tokio::io::{AsyncWriteExt, duplex};

use crate::support::in_memory::{HOLDER, Network, OWNER, Pair, connected, get, key, open_store, put, run, stop};

/// Changes the record of the file `a`.
fn rot_record(disk: &SimDisk, rot: impl Fn(&mut OwnRecord)) {
    let (store, keys) = open_store(disk);
    let record = store.own(&key("a")).expect("readable").expect("known");
    let mut rotten = record.clone();
    rot(&mut rotten);
    let replica_name = keys.replica_name(&key("a"));
    let changes = [
        Change::Disproved(key("a"), replica_name, Box::new(record)),
        Change::Own(key("a"), replica_name, Box::new(rotten)),
    ];
    assert!(store.commit(&changes).expect("committed"));
}

/// What it is that rots, and the change.
type Rot = (&'static str, fn(&mut OwnRecord));

/// Every way in which one bit of a record can flip and the record still decodes, but for the IV and the time.
fn rots() -> [Rot; 5] {
    [
        ("a higher version", |record| record.seal.version = Version(record.seal.version.0 | 1 << 50)),
        ("a lower version", |record| record.seal.version = Version(1)),
        ("the digest", |record| record.seal.digest.0[0] ^= 1),
        ("the tag", |record| record.seal.tag = Tag([record.seal.tag.0[0] ^ 1; 32])),
        ("the size", |record| record.seal.size ^= 1),
    ]
}

async fn repaired(owner: &Node) {
    tokio::time::sleep(Duration::from_secs(60)).await;
    let peers = owner.handle().peers().await;
    assert!(peers.iter().all(|peer| peer.is_current() == Some(true)), "{peers:?}");
}

#[test]
fn a_rotten_record_is_put_right_by_the_peers_and_spreads_to_none() {
    for (what, rot) in rots() {
        for keeps_local_copy in [true, false] {
            run(async {
                let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
                let Pair { owner, holder } = network.pair(&disk, &holder).await;
                put(&owner.handle(), "a", vec![1; 22]).await;
                if !keeps_local_copy {
                    owner.handle().delete(&key("a")).await.expect("deleted");
                }
                stop(owner).await;
                rot_record(&disk, rot);
                let owner = network.start(OWNER, &disk, &[HOLDER]).await;
                connected(&owner.handle(), 1).await;
                repaired(&owner).await;
                assert_eq!(get(&owner.handle(), "a").await, vec![1; 22], "{what}");
                owner.handle().delete(&key("a")).await.expect("deleted");
                assert_eq!(get(&owner.handle(), "a").await, vec![1; 22], "{what}, from the peer");
                Pair { owner, holder }.stop().await;
            });
        }
    }
}

#[test]
fn a_store_over_a_rotten_record_counts() {
    for (what, rot) in rots() {
        for is_alone in [true, false] {
            run(async {
                let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
                let Pair { owner, holder } = network.pair(&disk, &holder).await;
                put(&owner.handle(), "a", vec![1; 22]).await;
                stop(owner).await;
                rot_record(&disk, rot);
                let owner = network.start(OWNER, &disk, if is_alone { &[] } else { &[HOLDER] }).await;
                put(&owner.handle(), "a", vec![2; 22]).await;
                assert_eq!(get(&owner.handle(), "a").await, vec![2; 22], "{what}");
                if !is_alone {
                    connected(&owner.handle(), 1).await;
                    repaired(&owner).await;
                    owner.handle().delete(&key("a")).await.expect("deleted");
                    assert_eq!(get(&owner.handle(), "a").await, vec![2; 22], "{what}, from the peer");
                }
                Pair { owner, holder }.stop().await;
            });
        }
    }
}

#[test]
fn a_store_that_ends_after_an_old_record_got_a_new_number_counts() {
    for is_size_known in [true, false] {
        run(async move {
            let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
            let Pair { owner, holder } = network.pair(&disk, &holder).await;
            put(&owner.handle(), "a", vec![1; 22]).await;
            stop(owner).await;
            rot_record(&disk, |record| record.seal.tag.0[0] ^= 1);
            let owner = network.start(OWNER, &disk, &[]).await;
            let (mut source, content) = duplex(64);
            let storing = {
                let (owner, size) = (owner.handle(), is_size_known.then_some(22));
                tokio::task::spawn_local(async move { owner.store(&key("a"), Content::reader(content, size)).await })
            };
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(get(&owner.handle(), "a").await, [1; 22], "the get proves the old record again");
            source.write_all(&[2; 22]).await.expect("buffered");
            drop(source);
            storing.await.expect("no panic").expect("stored");
            assert_eq!(get(&owner.handle(), "a").await, [2; 22]);
            Pair { owner, holder }.stop().await;
        });
    }
}

#[test]
fn a_good_local_copy_is_proved_again_without_a_peer() {
    for (what, rot) in rots() {
        run(async {
            let (network, disk) = (Network::default(), SimDisk::new());
            let node = network.start(OWNER, &disk, &[]).await;
            put(&node.handle(), "a", vec![1; 22]).await;
            stop(node).await;
            rot_record(&disk, rot);
            let node = network.start(OWNER, &disk, &[]).await;
            let is_provable = !matches!(what, "the digest" | "the size");
            assert_eq!(node.handle().list(None).await.expect("listed").len(), usize::from(is_provable), "{what}");
            match node.handle().get(&key("a")).await {
                Ok(fetched) => assert_eq!(fetched.read_all().await.expect("readable"), vec![1; 22], "{what}"),
                Err(error) => assert!(!is_provable && matches!(error, GetError::NotFound { .. }), "{what}: {error}"),
            }
            stop(node).await;
        });
    }
}

#[test]
fn a_deletion_whose_proof_has_rotted_is_still_a_deletion() {
    run(async {
        let (network, disk, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
        let Pair { owner, holder } = network.pair(&disk, &holder).await;
        put(&owner.handle(), "a", vec![1; 22]).await;
        owner.handle().delete_everywhere(&key("a")).await.expect("deleted");
        stop(owner).await;
        {
            let (store, keys) = open_store(&disk);
            let replica_name = keys.replica_name(&key("a"));
            let found = store.tombstone(replica_name).expect("readable").expect("there");
            let rotten = Tombstone { version: Version(found.version.0 | 1 << 50), ..found };
            let changes = [Change::DisprovedTombstone(replica_name, found), Change::Deleted(replica_name, rotten)];
            assert!(store.commit(&changes).expect("committed"));
        }
        let owner = network.start(OWNER, &disk, &[HOLDER]).await;
        connected(&owner.handle(), 1).await;
        repaired(&owner).await;
        assert!(matches!(owner.handle().get(&key("a")).await, Err(GetError::Deleted)));
        put(&owner.handle(), "a", vec![2; 22]).await;
        assert_eq!(get(&owner.handle(), "a").await, vec![2; 22]);
        Pair { owner, holder }.stop().await;
    });
}

//! What `get` and `store` answer when peers are away, have nothing, or have something bad; and that none of these
//! answers is given for another.

use std::time::Duration;

use dacapo::crypto::Version;
use dacapo::event::{Event, FetchAnswer};
use dacapo::node::{Content, DeleteError, GetError, ReplicaError, StatError, StoreError, StoreFault};
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::{self, Nodes};
use dacapo_sim::store::walkthrough::star::{self, CONTENT, key};

use crate::support::scripted::run;

const MIB: usize = 1024 * 1024;

/// Flips a bit in the only replica on a host's disk.
fn rot(cluster: &Nodes, host: &str, position: u64) {
    let tree = cluster.disk(host).tree();
    let replica = tree.iter().find(|(path, _, len)| path.contains('/') && *len > 0).expect("a replica");
    cluster.disk(host).corrupt(&replica.0, position).expect("the byte is there");
}

async fn stop(cluster: &Nodes, host: &str) {
    cluster.node(host).await.stop().await;
}

fn content(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

#[test]
fn a_file_that_nobody_has_is_not_found() {
    run(async |_, origin| {
        assert!(matches!(origin.get(&key(0)).await, Err(GetError::NotFound { asked: 2 })));
        assert!(matches!(origin.stat(&key(0)).await, Err(StatError::NotFound)));
        assert!(matches!(origin.delete(&key(0)).await, Err(DeleteError::NotFound)));
        Ok(())
    });
}

#[test]
fn a_peer_that_is_away_is_not_taken_for_one_that_has_nothing() {
    run(async |cluster, origin| {
        stop(&cluster, "n3000").await;
        star::connected(&cluster.node("n7000").await, 1).await;
        while origin.peers().await.iter().filter(|peer| peer.is_connected).count() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let Err(GetError::Unreachable { unasked, peers: 2 }) = origin.get(&key(0)).await else {
            panic!("one of two peers is away")
        };
        assert_eq!(unasked.iter().map(|unasked| unasked.reason.as_str()).collect::<Vec<_>>(), ["it is away"]);
        Ok(())
    });
}

#[test]
fn a_store_without_one_peer_succeeds_and_says_so() {
    run(async |cluster, origin| {
        stop(&cluster, "n3000").await;
        let stored = origin.store(&key(0), Content::bytes(CONTENT)).await?;
        assert_eq!(stored.replicas(), 1);
        origin.delete(&key(0)).await?;
        star::get(&origin, 0).await
    });
}

#[test]
fn a_damaged_replica_is_refused_and_the_next_peer_is_asked() {
    for position in [0, 16, 37] {
        let outcome = run(async move |cluster, origin| {
            star::store(&origin, 0).await?;
            origin.delete(&key(0)).await?;
            rot(&cluster, "n3000", position);
            star::get(&origin, 0).await
        });
        let from = outcome.trace.events(star::ORIGIN).find_map(|event| match event {
            Event::FileFetched { peer, .. } => Some(*peer),
            _ => None,
        });
        let holder_of_the_good_copy = outcome.trace.events("n7000").find_map(|event| match event {
            Event::Started { node, .. } => Some(*node),
            _ => None,
        });
        assert_eq!(from, holder_of_the_good_copy);
    }
}

#[test]
fn a_large_damaged_replica_is_refused_after_its_last_byte() {
    let outcome = run(async |cluster, origin| {
        let large = content(MIB);
        origin.store(&key(0), Content::bytes(large.clone())).await?;
        origin.delete(&key(0)).await?;
        rot(&cluster, "n3000", MIB as u64);
        rot(&cluster, "n7000", 16);
        let failed = origin.get(&key(0)).await;
        assert!(matches!(failed, Err(GetError::Damaged { damaged: 2, unreachable: 0 })), "{failed:?}");
        assert!(!origin.stat(&key(0)).await?.is_local, "no damaged byte is kept as the local copy");
        // Whichever of the two is asked first, the other one has a good copy.
        for (number, host) in [(1, "n3000"), (2, "n7000")] {
            origin.store(&key(number), Content::bytes(large.clone())).await?;
            origin.delete(&key(number)).await?;
            rot(&cluster, host, MIB as u64);
            assert!(origin.get(&key(number)).await?.read_all().await? == large);
            origin.delete_everywhere(&key(number)).await?;
        }
        Ok(())
    });
    let damaged = |event: &&Event| matches!(event, Event::FetchAnswered { answer: FetchAnswer::Damaged, .. });
    assert!(outcome.trace.events(star::ORIGIN).filter(damaged).count() >= 2);
}

#[test]
fn a_damaged_local_copy_is_replaced_from_a_peer() {
    run(async |cluster, origin| {
        star::store(&origin, 0).await?;
        rot(&cluster, star::ORIGIN, 3);
        let fetched = origin.get(&key(0)).await?;
        assert!(fetched.from.is_some(), "it comes from a peer");
        assert_eq!(fetched.read_all().await?, CONTENT);
        let again = origin.get(&key(0)).await?;
        assert_eq!(again.from, None, "the local copy is good again");
        Ok(())
    });
}

#[test]
fn an_overwrite_replaces_the_file_here_and_on_the_peers() {
    run(async |cluster, origin| {
        let mut newest = Version(0);
        for byte in 1..=3_u8 {
            let stored = origin.store(&key(0), Content::bytes(vec![byte; 1000])).await?;
            assert!(stored.version > newest && stored.replicas() == 2, "{stored:?}");
            newest = stored.version;
            assert_eq!(origin.get(&key(0)).await?.read_all().await?, [byte; 1000]);
            origin.delete(&key(0)).await?;
            assert_eq!(origin.get(&key(0)).await?.read_all().await?, [byte; 1000]);
        }
        for host in star::NODES {
            let files = cluster.disk(host).tree().into_iter().filter(|(path, _, len)| path.contains('/') && *len > 0);
            assert_eq!(files.count(), 1, "{host} keeps one version and no temporary file");
        }
        Ok(())
    });
}

#[test]
fn content_of_unknown_length_is_stored_whole() {
    for len in [0, 1, 22, MIB, 3 * MIB + 17] {
        run(async move |_, origin| {
            let reader = std::io::Cursor::new(content(len));
            let stored = origin.store(&key(0), Content::reader(reader, None)).await?;
            assert_eq!((stored.size, stored.replicas()), (len as u64, 2));
            origin.delete(&key(0)).await?;
            assert!(origin.get(&key(0)).await?.read_all().await? == content(len));
            Ok(())
        });
    }
}

#[test]
fn content_that_is_not_as_long_as_announced_is_rejected_everywhere() {
    for (announced, len) in [(23, 22), (21, 22), (0, 1), (1, 0), (2 * MIB, MIB), (MIB, 2 * MIB)] {
        run(async move |cluster, origin| {
            let reader = std::io::Cursor::new(content(len));
            let result = origin.store(&key(0), Content::reader(reader, Some(announced as u64))).await;
            assert!(matches!(result, Err(StoreError::Rejected(StoreFault::Size { .. }))), "{result:?}");
            // The peers notice when the connection closes.
            tokio::time::sleep(Duration::from_secs(1)).await;
            for host in star::NODES {
                let files = cluster.disk(host).tree().into_iter().filter(|(path, ..)| path.contains('/'));
                assert_eq!(files.count(), 0, "{host} keeps nothing");
            }
            assert!(matches!(origin.get(&key(0)).await, Err(GetError::NotFound { .. })));
            Ok(())
        });
    }
}

#[test]
fn a_full_peer_says_so_and_keeps_its_old_version() {
    run(async |cluster, origin| {
        origin.store(&key(0), Content::bytes(content(1000))).await?;
        cluster.disk("n3000").set_capacity(Some(2 * MIB as u64));
        let stored = origin.store(&key(0), Content::bytes(content(8 * MIB))).await?;
        assert_eq!(stored.replicas(), 1);
        let refused = stored.receipts.iter().filter_map(|receipt| receipt.outcome.as_ref().err());
        let reasons: Vec<_> = refused.map(ToString::to_string).collect();
        assert_eq!(reasons, ["it refused: its disk is full"]);
        let tree = cluster.disk("n3000").tree();
        let kept: Vec<_> = tree.iter().filter(|(path, ..)| path.contains('/')).map(|(.., len)| *len).collect();
        assert_eq!(kept.iter().sum::<u64>(), 1016, "the old replica and nothing else");
        Ok(())
    });
}

#[test]
fn a_full_disk_rejects_a_store_and_keeps_the_old_version() {
    run(async |cluster, origin| {
        origin.store(&key(0), Content::bytes(content(1000))).await?;
        cluster.disk(star::ORIGIN).set_capacity(Some(2 * MIB as u64));
        let result = origin.store(&key(0), Content::bytes(content(8 * MIB))).await;
        assert!(matches!(result, Err(StoreError::Rejected(StoreFault::Disk(_)))), "{result:?}");
        assert!(origin.get(&key(0)).await?.read_all().await? == content(1000));
        cluster.disk(star::ORIGIN).set_capacity(None);
        origin.store(&key(0), Content::bytes(content(MIB))).await?;
        assert!(origin.get(&key(0)).await?.read_all().await? == content(MIB));
        Ok(())
    });
}

#[test]
fn a_peer_that_cannot_be_dialled_is_reached_all_the_same() {
    let mut setup = walkthrough::setup(1);
    // The third node dials the other two; nobody can dial it.
    setup.hosts[2].listen = "127.0.0.1".to_owned();
    let outcome = scripted::run(&setup, async |cluster| {
        let hidden = cluster.node("n5000").await;
        star::connected(&hidden, 2).await;
        let visible = cluster.node("n3000").await;
        let stored = visible.store(&key(0), Content::bytes(content(MIB))).await?;
        assert_eq!(stored.replicas(), 1, "{stored:?}");
        visible.delete(&key(0)).await?;
        assert!(visible.get(&key(0)).await?.read_all().await? == content(MIB));
        Ok(())
    });
    assert_eq!(outcome.failure, None);
}

#[test]
fn a_lost_peer_is_noticed_and_dialled_again() {
    let outcome = run(async |_, origin| {
        turmoil::partition("n5000", "n3000");
        while origin.peers().await.iter().filter(|peer| peer.is_connected).count() > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let stored = origin.store(&key(0), Content::bytes(CONTENT)).await?;
        assert_eq!(stored.replicas(), 1);
        turmoil::repair("n5000", "n3000");
        star::connected(&origin, 2).await;
        star::store(&origin, 1).await
    });
    let lost = outcome.trace.events("n5000").filter(|event| matches!(event, Event::PeerLost { .. })).count();
    assert_eq!(lost, 1);
}

#[test]
fn a_stopped_node_answers_every_call_with_an_error() {
    run(async |_, origin| {
        origin.stop().await;
        assert!(matches!(
            origin.store(&key(0), Content::bytes(CONTENT)).await,
            Err(StoreError::Rejected(StoreFault::Stopped) | StoreError::Unconfirmed(StoreFault::Stopped))
        ));
        assert!(matches!(origin.get(&key(0)).await, Err(GetError::Stopped)));
        assert!(matches!(origin.delete(&key(0)).await, Err(DeleteError::Stopped)));
        assert!(matches!(origin.stat(&key(0)).await, Err(StatError::Stopped)));
        assert!(matches!(origin.list(None).await, Err(StatError::Stopped)));
        let (told, _) = tokio::sync::mpsc::channel(1);
        assert!(matches!(origin.scrub(told).await, Err(StatError::Stopped)));
        assert!(origin.peers().await.is_empty());
        Ok(())
    });
}

#[test]
fn a_peer_that_stalls_fails_its_receipt_and_nothing_else() {
    run(async |_, origin| {
        star::store(&origin, 0).await?;
        turmoil::hold("n5000", "n3000");
        let stored = origin.store(&key(1), Content::bytes(content(2 * MIB))).await?;
        assert_eq!(stored.replicas(), 1);
        let errors: Vec<_> = stored.receipts.iter().filter_map(|receipt| receipt.outcome.clone().err()).collect();
        assert!(matches!(errors.as_slice(), [ReplicaError::Unreachable { .. }]), "{errors:?}");
        Ok(())
    });
}

#[test]
fn many_calls_at_once_do_not_mix() {
    run(async |_, origin| {
        let calls: Vec<_> = (0..50_u8)
            .map(|index| {
                let origin = origin.clone();
                tokio::task::spawn_local(async move {
                    let content = vec![index; usize::from(index) * 700];
                    let stored = origin.store(&key(index.into()), Content::bytes(content.clone())).await;
                    assert_eq!(stored.expect("stored").replicas(), 2);
                    origin.delete(&key(index.into())).await.expect("deleted");
                    let back = origin.get(&key(index.into())).await.expect("found").read_all().await;
                    assert!(back.expect("read") == content, "file {index}");
                })
            })
            .collect();
        for call in calls {
            call.await?;
        }
        assert_eq!(origin.list(None).await?.len(), 50);
        Ok(())
    });
}

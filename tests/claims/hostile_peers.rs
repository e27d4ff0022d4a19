//! A peer of the cluster that breaks the rules cannot make a node keep more than its bounds: files, connections, or
//! turns.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{ReplicaName, Version};
use dacapo::limits::POOL_CONNECTIONS_MAX;
use dacapo::node::Content;
use dacapo::protocol::{Message, Purpose, read_message};
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted;
use dacapo_sim::store::walkthrough::star::{self, key};
use turmoil::net::{TcpListener, TcpStream};

use crate::support::scripted::try_run;
use crate::support::scripted_peer::{ScriptedPeer, alive, hello, send};

/// Chosen: any number will do.
const SEED: u64 = 3;

#[test]
fn an_offer_that_is_never_followed_by_content_leaves_no_file() {
    let outcome = try_run(&walkthrough::setup(SEED), async |cluster, _| {
        let peer = ScriptedPeer::new(0xee);
        for number in 0..20 {
            let stream = TcpStream::connect(("n3000", 3000)).await?;
            let mut link = peer.link(stream, hello(0, Purpose::DialerAsks)).await?;
            let offer = Message::StoreFile {
                owner: peer.node(),
                replica_name: ReplicaName([number; 16]),
                version: Version(1),
                sealed_bytes: if number % 2 == 0 { 38 } else { 100_016 },
            };
            send(&mut link, &offer).await?;
            if number % 2 == 1 {
                assert_eq!(read_message(&mut link).await?, Message::Proceed);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(link);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let left = cluster.disk("n3000").tree().into_iter().filter(|(path, ..)| path.starts_with("tmp/")).count();
        assert_eq!(left, 0, "temporary files");
        Ok(())
    });
    assert_eq!(outcome.failure, None);
}

#[test]
fn a_peer_that_wants_ever_more_connections_gets_a_bounded_number() {
    let mut setup = walkthrough::setup(SEED);
    setup.hosts[2].dials.push(("workload".to_owned(), 9000));
    let outcome = scripted::run(&setup, async |_| {
        let listener = TcpListener::bind("0.0.0.0:9000").await?;
        let connections = Rc::new(Cell::new(0));
        let counted = connections.clone();
        tokio::task::spawn_local(async move {
            let peer = ScriptedPeer::new(0xee);
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let (peer, counted) = (peer.clone(), counted.clone());
                tokio::task::spawn_local(async move {
                    let Ok((mut link, hello)) = peer.accept(stream).await else { return };
                    if hello.purpose != Purpose::Control {
                        counted.set(counted.get() + 1);
                        return std::future::pending::<()>().await;
                    }
                    while read_message(&mut link).await.is_ok() {
                        let alive = alive(255, None);
                        if send(&mut link, &alive).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(connections.get() <= POOL_CONNECTIONS_MAX, "{} connections", connections.get());
        Ok(())
    });
    assert_eq!(outcome.failure, None);
}

#[test]
fn callers_that_share_the_connections_of_a_hidden_peer_all_get_their_turn() {
    let mut setup = walkthrough::setup(1);
    setup.hosts[2].listen = "127.0.0.1".to_owned();
    let outcome = scripted::run(&setup, async |cluster| {
        star::connected(&cluster.node("n5000").await, 2).await;
        let visible = cluster.node("n3000").await;
        let calls: Vec<_> = (0..60_u64)
            .map(|index| {
                let visible = visible.clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(Duration::from_millis(index * 3)).await;
                    let index = usize::try_from(index).expect("small");
                    visible.store(&key(index), Content::bytes(vec![1; 2000])).await.expect("stored")
                })
            })
            .collect();
        for (index, call) in calls.into_iter().enumerate() {
            let stored = call.await?;
            assert_eq!(stored.replicas(), 1, "{index}: {stored:?}");
        }
        Ok(())
    });
    assert_eq!(outcome.failure, None);
}

//! A peer that hardly moves holds up nobody else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::ReplicaName;
use dacapo::limits::{CHUNK_BYTES, HEARTBEAT_INTERVAL, POOL_CONNECTIONS_MAX};
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, read_message, read_stream_header};
use dacapo::replication::Summary;
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::{announce, receive, take};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{Network, OWNER, connected, files_below, get, key, put, run, stop};
use crate::support::scripted_peer::{Replica, ScriptedPeer, alive, send};

const SECOND: Duration = Duration::from_secs(1);

/// Takes replicas, a chunk every 15 seconds.
async fn crawl(peer: ScriptedPeer, stream: DuplexStream) -> Result<(), LinkError> {
    let (mut link, hello) = peer.accept(stream).await?;
    loop {
        match read_message(&mut link).await? {
            Message::Heartbeat { .. } if hello.purpose == Purpose::Control => {
                sleep(HEARTBEAT_INTERVAL).await;
                let held = Some(Summary::default().print());
                send(&mut link, &alive(0, held)).await?;
            }
            Message::StoreFile { sealed_bytes, .. } => {
                send(&mut link, &Message::Proceed).await?;
                read_stream_header(&mut link, sealed_bytes).await?;
                for _ in 0..sealed_bytes / CHUNK_BYTES as u64 {
                    receive(&mut link, CHUNK_BYTES as u64).await?;
                    sleep(15 * SECOND).await;
                }
            }
            Message::Summarise { group: None } => {
                send(&mut link, &Message::Summary(Summary::default().groups())).await?;
            }
            Message::Summarise { group: Some(group) } => {
                send(&mut link, &Message::Summary(Summary::default().group(group).expect("a group"))).await?;
            }
            Message::ListLeaf { .. } => send(&mut link, &Message::Leaf(Vec::new())).await?,
            _ => send(&mut link, &Message::NotFound).await?,
        }
    }
}

#[test]
fn a_peer_that_crawls_without_an_end_keeps_nobody_from_repair() {
    run(async {
        let (network, peer) = (Network::default(), ScriptedPeer::new(9));
        let mut arrived = network.listen(4000);
        tokio::task::spawn_local(async move {
            while let Some((stream, _)) = arrived.recv().await {
                let peer = peer.clone();
                // The owner may go away at any time.
                tokio::task::spawn_local(async move { drop(crawl(peer, stream).await) });
            }
        });
        let disk = SimDisk::new();
        let owner = network.start(OWNER, &disk, &[]).await;
        for number in 0..24_u8 {
            put(&owner.handle(), &format!("file {number}"), vec![number; 20 * CHUNK_BYTES]).await;
        }
        stop(owner).await;
        let owner = network.start(OWNER, &disk, &[4000]).await;
        connected(&owner.handle(), 1).await;
        sleep(20 * SECOND).await;
        let holder = network.start(3000, &SimDisk::new(), &[OWNER]).await;
        sleep(40 * SECOND).await;
        let usage = holder.handle().held_for(owner.handle().node()).await.expect("it runs");
        assert_eq!(usage.files, 24, "the honest peer is repaired beside it");
    });
}

type Held = Rc<RefCell<BTreeMap<ReplicaName, Replica>>>;

/// Listens as a peer that takes every replica, waits before it says that it has one, and waits before each chunk of it.
pub(crate) fn holder(network: &Network, number: u8, wait: Duration, pace: Duration) -> u16 {
    let (peer, held) = (ScriptedPeer::new(number), Held::default());
    let port = 4000 + u16::from(number);
    let mut arrived = network.listen(port);
    tokio::task::spawn_local(async move {
        while let Some((stream, _)) = arrived.recv().await {
            let (peer, held) = (peer.clone(), held.clone());
            // The owner may go away at any time.
            tokio::task::spawn_local(async move { drop(hold(peer, stream, held, wait, pace).await) });
        }
    });
    port
}

async fn hold(
    peer: ScriptedPeer,
    stream: DuplexStream,
    held: Held,
    wait: Duration,
    pace: Duration,
) -> Result<(), LinkError> {
    let (mut link, _) = peer.accept(stream).await?;
    loop {
        match read_message(&mut link).await? {
            Message::Heartbeat { .. } => {
                sleep(HEARTBEAT_INTERVAL).await;
                let alive = alive(0, None);
                send(&mut link, &alive).await?;
            }
            Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                let replica = take(&mut link, owner, replica_name, sealed_bytes).await?;
                held.borrow_mut().insert(replica_name, replica);
                send(&mut link, &Message::Stored).await?;
            }
            Message::GetFile { replica_name, .. } => {
                let replica = held.borrow().get(&replica_name).cloned().expect("it was sent one");
                sleep(wait).await;
                announce(&mut link, &replica.seal, replica.seal.sealed_bytes()).await?;
                for chunk in replica.bytes.chunks(CHUNK_BYTES) {
                    sleep(pace).await;
                    link.write_all(chunk).await?;
                    link.flush().await?;
                }
            }
            _ => send(&mut link, &Message::NotFound).await?,
        }
    }
}

#[test]
fn a_get_does_not_wait_for_a_peer_that_crawls_while_another_has_the_file() {
    run(async {
        let network = Network::default();
        let crawls = holder(&network, 1, Duration::ZERO, 15 * SECOND);
        let moves = holder(&network, 2, SECOND, Duration::ZERO);
        let disk = SimDisk::new();
        let node = network.start(OWNER, &disk, &[crawls, moves]).await;
        let owner = node.handle();
        let content = vec![7; 2_000_000];
        connected(&owner, 2).await;
        assert_eq!(put(&owner, "a", content.clone()).await.replicas(), 2);
        owner.delete(&key("a")).await.expect("deleted");
        let got = timeout(15 * SECOND, get(&owner, "a")).await.expect("the other peer is asked as well");
        assert!(got == content);
        sleep(60 * SECOND).await;
        assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new(), "what was given up is removed");
    });
}

#[test]
fn a_get_takes_its_time_if_the_only_peer_that_has_the_file_is_slow() {
    run(async {
        let network = Network::default();
        let slow = holder(&network, 1, Duration::ZERO, 15 * SECOND);
        let node = network.start(OWNER, &SimDisk::new(), &[slow]).await;
        let owner = node.handle();
        connected(&owner, 1).await;
        let content = vec![7; 2_000_000];
        assert_eq!(put(&owner, "a", content.clone()).await.replicas(), 1);
        owner.delete(&key("a")).await.expect("deleted");
        assert!(get(&owner, "a").await == content);
    });
}

#[test]
fn gets_that_take_long_hold_no_connection_of_a_peer_that_they_do_not_need() {
    run(async {
        let network = Network::default();
        let moves = holder(&network, 1, Duration::ZERO, SECOND / 2);
        let waits = holder(&network, 2, SECOND / 10, Duration::ZERO);
        let node = network.start(OWNER, &SimDisk::new(), &[moves, waits]).await;
        let owner = node.handle();
        connected(&owner, 2).await;
        let names: Vec<_> = (0..POOL_CONNECTIONS_MAX).map(|number| format!("file {number}")).collect();
        for name in &names {
            assert_eq!(put(&owner, name, vec![7; 2_000_000]).await.replicas(), 2);
            owner.delete(&key(name)).await.expect("deleted");
        }
        let gets: Vec<_> = names
            .into_iter()
            .map(|name| {
                let owner = owner.clone();
                tokio::task::spawn_local(async move { get(&owner, &name).await })
            })
            .collect();
        sleep(3 * SECOND).await;
        let load = owner.status().await.expect("readable").load;
        assert_eq!((load.calls, load.exchanges), (POOL_CONNECTIONS_MAX, POOL_CONNECTIONS_MAX), "with one peer alone");
        for get in gets {
            assert!(get.await.expect("no panic") == vec![7; 2_000_000]);
        }
        sleep(SECOND).await;
        let load = owner.status().await.expect("readable").load;
        assert_eq!((load.calls, load.exchanges, load.locked), (0, 0, 0), "nothing is left of them");
    });
}

//! A source or a peer that stalls holds up nobody else.

use std::time::Duration;

use dacapo::crypto::{NodeId, ReplicaName, Version};
use dacapo::limits::{LEAF_PAGE_MAX, POOL_CONNECTIONS_MAX, SOURCE_STALL_TIMEOUT};
use dacapo::node::link::LinkError;
use dacapo::node::{Content, Node};
use dacapo::protocol::{Message, Purpose, read_message};
use dacapo::replication::{Entry, Leaf, Summary};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::take;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{Network, OWNER, connected, get, key, put, run};
use crate::support::scripted_peer::{ScriptedPeer, heartbeat, send};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sources_that_stall_hold_no_connection_and_their_peers_get_the_files_in_the_end() {
    run(async {
        let pair = Network::default().pair(&SimDisk::new(), &SimDisk::new()).await;
        let owner = pair.owner.handle();
        let mut stores = Vec::new();
        for number in 0..POOL_CONNECTIONS_MAX {
            let (mut source, content) = duplex(600_000);
            source.write_all(&[7; 300_000]).await.expect("there is room");
            let owner = owner.clone();
            let stored = tokio::task::spawn_local(async move {
                owner.store(&key(&format!("stalled {number}")), Content::reader(content, Some(600_000))).await
            });
            stores.push((source, stored));
        }
        sleep(SOURCE_STALL_TIMEOUT + SECOND).await;
        let others = async {
            assert_eq!(put(&owner, "other", vec![1; 100_000]).await.replicas(), 1);
            owner.delete(&key("other")).await.expect("deleted");
            assert_eq!(get(&owner, "other").await.len(), 100_000);
        };
        timeout(SECOND, others).await.expect("nobody waits for the sources");
        for (mut source, stored) in stores {
            source.write_all(&[7; 300_000]).await.expect("there is room");
            drop(source);
            let stored = stored.await.expect("no panic").expect("stored");
            assert_eq!((stored.size, stored.replicas()), (600_000, 1), "{stored:?}");
        }
    });
}

/// Returns the entries of files that there never were, one in every sixteenth leaf.
fn invented() -> Vec<Entry> {
    let entry = |byte| Entry { replica_name: ReplicaName([byte; 16]), version: Version(1), mark: [byte; 8] };
    (1..=u8::MAX).map(entry).collect()
}

fn invented_summary() -> Summary {
    let mut summary = Summary::default();
    invented().iter().for_each(|entry| summary.add(entry));
    summary
}

/// Answers the questions of the owner on one connection, each after a while, about an inventory that is invented.
async fn answer_slowly(peer: ScriptedPeer, stream: DuplexStream) -> Result<(), LinkError> {
    let (mut link, _) = peer.accept(stream).await?;
    loop {
        let answer = match read_message(&mut link).await? {
            Message::Summarise { group: None } => Message::Summary(invented_summary().groups()),
            Message::Summarise { group: Some(group) } => {
                Message::Summary(invented_summary().group(group).expect("a group"))
            }
            Message::ListLeaf { leaf, after } => {
                let is_next = |entry: &Entry| {
                    Some(Leaf::of(entry.replica_name)) == Leaf::from_number(leaf)
                        && after.is_none_or(|after| entry.replica_name > after)
                };
                Message::Leaf(invented().into_iter().filter(is_next).take(LEAF_PAGE_MAX).collect())
            }
            Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                take(&mut link, owner, replica_name, sealed_bytes).await?;
                Message::Stored
            }
            _ => Message::NotFound,
        };
        sleep(15 * SECOND).await;
        send(&mut link, &answer).await?;
    }
}

/// Connects a peer to the owner that answers each question slowly, and claims files that there never were.
fn slow_liar(network: &Network, number: u8) -> NodeId {
    let (network, peer) = (network.clone(), ScriptedPeer::new(number));
    let (port, id) = (4000 + u16::from(number), peer.node());
    let mut arrived = network.listen(port);
    let asked = peer.clone();
    tokio::task::spawn_local(async move {
        while let Some((stream, _)) = arrived.recv().await {
            let asked = asked.clone();
            // The owner may go away at any time.
            tokio::task::spawn_local(async move { drop(answer_slowly(asked, stream).await) });
        }
    });
    tokio::task::spawn_local(async move {
        let mut control = peer.dial(&network, OWNER, port, Purpose::Control).await.expect("let in");
        let held = Some(invented_summary().print());
        while send(&mut control, &heartbeat(held)).await.is_ok() && read_message(&mut control).await.is_ok() {}
    });
    id
}

#[test]
fn slow_peers_that_claim_what_is_not_keep_nobody_from_repair() {
    run(async {
        let network = Network::default();
        let owner = network.start(OWNER, &SimDisk::new(), &[]).await;
        put(&owner.handle(), "a", vec![7; 1000]).await;
        for number in 1..=4 {
            slow_liar(&network, number);
        }
        sleep(60 * SECOND).await;
        let holder = network.start(3000, &SimDisk::new(), &[OWNER]).await;
        sleep(45 * SECOND).await;
        let usage = holder.handle().held_for(owner.handle().node()).await.expect("it runs");
        assert_eq!(usage.files, 1, "the honest peer is repaired beside them");
    });
}

/// Returns a network with a holder, and a peer that takes the questions of the owner and answers none.
async fn with_black_hole(network: &Network) -> [Node; 2] {
    let holder = network.start(3000, &SimDisk::new(), &[]).await;
    let owner = network.start(OWNER, &SimDisk::new(), &[3000]).await;
    let peer = ScriptedPeer::new(9);
    let mut arrived = network.listen(4000);
    let asked = peer.clone();
    tokio::task::spawn_local(async move {
        while let Some((stream, _)) = arrived.recv().await {
            let asked = asked.clone();
            tokio::task::spawn_local(async move {
                let _link = asked.accept(stream).await;
                std::future::pending::<()>().await;
            });
        }
    });
    let network = network.clone();
    tokio::task::spawn_local(async move {
        let mut control = peer.dial(&network, OWNER, 4000, Purpose::Control).await.expect("let in");
        while send(&mut control, &heartbeat(None)).await.is_ok() && read_message(&mut control).await.is_ok() {}
    });
    connected(&owner.handle(), 2).await;
    [owner, holder]
}

#[test]
fn a_store_does_not_wait_for_a_peer_that_does_not_move_while_another_has_the_file() {
    for size in [1000, 2_000_000] {
        run(async move {
            let [owner, _holder] = with_black_hole(&Network::default()).await;
            let owner = owner.handle();
            let stored = timeout(8 * SECOND, put(&owner, "a", vec![7; size])).await.expect("it does not wait for long");
            assert_eq!((stored.replicas(), stored.receipts.len()), (1, 2), "{stored:?}");
            assert!(owner.peers().await.iter().any(|peer| peer.is_slow), "the node says which peer is slow");
            let stored = timeout(SECOND, put(&owner, "b", vec![7; size])).await.expect("it does not wait at all");
            assert_eq!((stored.replicas(), stored.receipts.len()), (1, 2), "{stored:?}");
        });
    }
}

#[test]
fn gets_leave_no_queue_behind_at_a_peer_that_answers_nothing() {
    run(async move {
        let [owner, _holder] = with_black_hole(&Network::default()).await;
        let owner = owner.handle();
        put(&owner, "a", vec![7; 1000]).await;
        for _ in 0..300 {
            owner.delete(&key("a")).await.expect("deleted");
            assert_eq!(get(&owner, "a").await, [7; 1000]);
        }
        let name = key("a");
        let deleting = owner.delete_everywhere(&name);
        drop(timeout(60 * SECOND, deleting).await.expect("it waits for those that are under way at most"));
    });
}

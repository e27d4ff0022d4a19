//! A peer whose disk fails at one thing keeps nothing else from being done: not with other peers, and not with itself.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::ReplicaName;
use dacapo::limits::HEARTBEAT_INTERVAL;
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, Refusal, read_message};
use dacapo::replication::{Leaf, Summary};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::take;
use tokio::io::DuplexStream;
use tokio::time::sleep;

use crate::support::in_memory::{HOLDER, Network, OWNER, connected, get, key, put, run, stop};
use crate::support::scripted_peer::{ScriptedPeer, alive, send};

/// At what the disk of a peer fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fails {
    /// When it is to keep a replica.
    Stores,
    /// When it is to list the leaf that it was asked for first.
    FirstLeaf,
}

/// What was asked of a peer.
#[derive(Default)]
struct Asked {
    sent: BTreeSet<ReplicaName>,
    first_leaf: Option<u16>,
}

/// Listens as a peer that holds nothing, whatever it was sent.
fn listen(network: &Network, port: u16, fails: Fails) -> Rc<RefCell<Asked>> {
    let (peer, asked) = (ScriptedPeer::new(9), Rc::<RefCell<Asked>>::default());
    let (mut arrived, noted) = (network.listen(port), asked.clone());
    tokio::task::spawn_local(async move {
        while let Some((stream, _)) = arrived.recv().await {
            let (peer, asked) = (peer.clone(), noted.clone());
            // The owner may go away at any time.
            tokio::task::spawn_local(async move { drop(serve(peer, stream, fails, asked).await) });
        }
    });
    asked
}

async fn serve(
    peer: ScriptedPeer,
    stream: DuplexStream,
    fails: Fails,
    asked: Rc<RefCell<Asked>>,
) -> Result<(), LinkError> {
    let (mut link, hello) = peer.accept(stream).await?;
    let none = Summary::default();
    loop {
        let answer = match read_message(&mut link).await? {
            Message::Heartbeat { .. } if hello.purpose == Purpose::Control => {
                sleep(HEARTBEAT_INTERVAL).await;
                alive(0, Some(none.print()))
            }
            Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                take(&mut link, owner, replica_name, sealed_bytes).await?;
                asked.borrow_mut().sent.insert(replica_name);
                if fails == Fails::Stores { Message::PerhapsStored } else { Message::Stored }
            }
            Message::Summarise { group: None } => Message::Summary(none.groups()),
            Message::Summarise { group: Some(group) } => Message::Summary(none.group(group).expect("a group")),
            Message::ListLeaf { leaf, .. } => {
                let first = *asked.borrow_mut().first_leaf.get_or_insert(leaf);
                match fails {
                    Fails::FirstLeaf if first == leaf => Message::Refused(Refusal::DiskFailed),
                    _ => Message::Leaf(Vec::new()),
                }
            }
            _ => Message::NotFound,
        };
        send(&mut link, &answer).await?;
    }
}

#[test]
fn a_version_that_one_peer_alone_has_is_learnt_beside_a_peer_that_cannot_store_it() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let holder = network.start(HOLDER, &SimDisk::new(), &[]).await;
        let owner = network.start(OWNER, &disk, &[HOLDER]).await;
        connected(&owner.handle(), 1).await;
        assert_eq!(put(&owner.handle(), "a", vec![7; 1000]).await.replicas(), 1);
        owner.handle().delete(&key("a")).await.expect("deleted");
        stop(owner).await;
        // The holder has a version that is stored from elsewhere.
        network.put_from_elsewhere(&disk, "a", vec![8; 1000]).await;
        listen(&network, 4000, Fails::Stores);
        let owner = network.start(OWNER, &disk, &[HOLDER, 4000]).await;
        connected(&owner.handle(), 2).await;
        sleep(Duration::from_secs(60)).await;
        // It is in two places.
        stop(holder).await;
        assert_eq!(get(&owner.handle(), "a").await, vec![8; 1000]);
        stop(owner).await;
    });
}

#[test]
fn a_leaf_that_a_peer_cannot_list_keeps_no_other_leaf_from_repair() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let owner = network.start(OWNER, &disk, &[]).await;
        for number in 0..40 {
            put(&owner.handle(), &format!("file {number}"), vec![7; 1000]).await;
        }
        stop(owner).await;
        let asked = listen(&network, 4000, Fails::FirstLeaf);
        let owner = network.start(OWNER, &disk, &[4000]).await;
        connected(&owner.handle(), 1).await;
        sleep(Duration::from_secs(120)).await;
        let names = asked.borrow().sent.clone();
        let leaves: BTreeSet<_> = names.iter().map(|name| Leaf::of(*name)).collect();
        assert!(leaves.len() > 30, "the files of all leaves but one are sent: {}", leaves.len());
        assert!(asked.borrow().first_leaf.is_some_and(|first| leaves.iter().all(|leaf| leaf.number() != first)));
        stop(owner).await;
    });
}

//! Who may be a peer: a node that is forgotten loses its connections in the middle of what they carry, whoever opened
//! them, and comes in again only when it is allowed.

#[path = "support/network.rs"]
mod network;

use std::time::Duration;

use dacapo::crypto::{ClusterSecret, Keys, MasterSecret, NodeId};
use dacapo::limits::{INBOUND_CONNECTIONS_MAX, PROTOCOL_VERSION};
use dacapo::membership::{Dial, MemberChange, Members};
use dacapo::node::link::{self, Credentials};
use dacapo::node::{Content, Handle, Lane, ReplicaError};
use dacapo::protocol::{Hello, Message, Purpose};
use dacapo::seed::Seed;
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::send;
use network::{Network, connected, key, put, run, stop};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

async fn change(node: &Handle, change: MemberChange) {
    node.change_members(change).await.expect("the list has room");
}

#[test]
fn a_forgotten_peer_loses_its_connections_at_once_on_both_sides() {
    run(async {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new()];
        let first = network.start(3000, &disks[0], &[]).await;
        let second = network.start(5000, &disks[1], &[3000]).await;
        // Whichever of the two forgets the other, and whoever dialled.
        for (node, other) in [(&first, &second), (&second, &first)] {
            let (node, other) = (node.handle(), other.handle());
            connected(&node, 1).await;
            let before = Instant::now();
            change(&node, MemberChange::Forget(other.node())).await;
            connected(&node, 0).await;
            connected(&other, 0).await;
            assert!(before.elapsed() < SECOND, "{:?}", before.elapsed());
            sleep(60 * SECOND).await;
            assert!(node.peers().await.iter().all(|peer| !peer.is_connected), "it stays out");
            change(&node, MemberChange::Allow(other.node())).await;
            connected(&other, 1).await;
        }
    });
}

#[test]
fn a_store_to_a_peer_that_is_forgotten_meanwhile_ends_at_once() {
    run(async {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new()];
        let holder = network.start(3000, &disks[1], &[]).await;
        let node = network.start(5000, &disks[0], &[3000]).await;
        let owner = node.handle();
        connected(&owner, 1).await;
        // The holder's disk hangs, so that the exchange waits for its answer.
        disks[1].set_delay(Some(15 * SECOND));
        let storing = {
            let owner = owner.clone();
            tokio::task::spawn_local(async move { owner.store(&key("a"), Content::bytes(vec![7; 100])).await })
        };
        sleep(SECOND).await;
        assert!(!storing.is_finished());
        change(&owner, MemberChange::Forget(holder.handle().node())).await;
        let stored = timeout(SECOND, storing).await.expect("at once").expect("no panic").expect("stored here");
        let outcome = &stored.receipts[0].outcome;
        assert!(matches!(outcome, Err(ReplicaError::Unconfirmed { .. })), "{outcome:?}");
        assert_eq!(put(&owner, "b", vec![7; 100]).await.receipts, [], "it is no peer any more");
    });
}

#[test]
fn who_was_forgotten_is_forgotten_after_a_restart() {
    run(async {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new()];
        let first = network.start(3000, &disks[0], &[]).await;
        let second = network.start(5000, &disks[1], &[3000]).await;
        connected(&first.handle(), 1).await;
        change(&first.handle(), MemberChange::Forget(second.handle().node())).await;
        drop(first);
        disks[0].power_loss(&mut Seed::from_u64(1).rng(Lane::Iv));
        let first = network.start(3000, &disks[0], &[]).await;
        sleep(60 * SECOND).await;
        assert_eq!(first.handle().forgotten().await, [second.handle().node()]);
        connected(&second.handle(), 0).await;
    });
}

#[test]
fn an_address_with_an_id_leads_to_that_node_only() {
    run(async {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new()];
        let first = network.start(3000, &disks[0], &[]).await;
        for (expected, peers) in [(NodeId([7; 32]), 0), (first.handle().node(), 1)] {
            let mut members = Members::default();
            let dial = Dial { address: "host:3000".parse().expect("an address"), node: Some(expected) };
            members.dial(dial).expect("room");
            members.save(&disks[1]).expect("a disk that works");
            let second = network.start(5000, &disks[1], &[]).await;
            sleep(60 * SECOND).await;
            connected(&second.handle(), peers).await;
            stop(second).await;
        }
    });
}

#[test]
fn no_member_takes_the_places_of_the_others() {
    run(async {
        let network = Network::default();
        let (keys, open) = (Keys::derive(&MasterSecret([7; 32])), ClusterSecret::open());
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let mut lane = Seed::from_u64(1).rng(Lane::Handshake);
        let mut links = Vec::new();
        for _ in 0..2 * INBOUND_CONNECTIONS_MAX {
            for purpose in [Purpose::Control, Purpose::DialerAsks, Purpose::AcceptorAsks] {
                let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: 0, purpose };
                let credentials = Credentials::draw(&keys, &open, &mut lane);
                let stream = network.dial(3000).expect("it listens");
                if let Ok((mut link, _)) = link::dial(stream, &credentials, hello).await {
                    if purpose == Purpose::Control {
                        send(&mut link, &Message::Heartbeat { held: None }).await.expect("it listens");
                    }
                    links.push(link);
                }
            }
        }
        let peer = network.start(5000, &SimDisk::new(), &[3000]).await;
        timeout(SECOND, connected(&peer.handle(), 1)).await.expect("there is a place for it");
        assert_eq!(put(&peer.handle(), "a", vec![7; 100]).await.replicas(), 1);
        connected(&node.handle(), 2).await;
    });
}

//! Which nodes may be peers: a forgotten node loses its connections in the middle of what they carry, whichever side
//! opened them, and comes in again only after it is allowed.

use std::time::Duration;

use dacapo::crypto::NodeId;
use dacapo::event::Event;
use dacapo::limits::INBOUND_CONNECTIONS_MAX;
use dacapo::membership::{Dial, MemberChange, Members};
use dacapo::node::{Content, Handle, ReplicaError};
use dacapo::protocol::Purpose;
use dacapo_sim::disk::SimDisk;
use tokio::time::{Instant, sleep, timeout};

use crate::support::in_memory::{HOLDER, Network, Pair, connected, key, lose_power, put, run, run_long, stop};
use crate::support::scripted_peer::{ScriptedPeer, heartbeat, send};

const SECOND: Duration = Duration::from_secs(1);

async fn change(node: &Handle, change: MemberChange) {
    node.change_members(change).await.expect("the list has room");
}

#[test]
fn a_forgotten_peer_loses_its_connections_at_once_on_both_sides() {
    run(async {
        let network = Network::default();
        let pair = network.pair(&SimDisk::new(), &SimDisk::new()).await;
        // Each forgets the other: first the node that was dialled, then the node that dialled.
        for (node, other) in [(&pair.holder, &pair.owner), (&pair.owner, &pair.holder)] {
            let (node, other) = (node.handle(), other.handle());
            connected(&node, 1).await;
            let before = Instant::now();
            change(&node, MemberChange::Forget(other.node())).await;
            connected(&node, 0).await;
            connected(&other, 0).await;
            assert!(before.elapsed() < SECOND, "{:?}", before.elapsed());
            sleep(60 * SECOND).await;
            assert!(node.peers().await.iter().all(|peer| !peer.is_connected), "the forgotten node stays out");
            change(&node, MemberChange::Allow(other.node())).await;
            connected(&other, 1).await;
        }
    });
}

#[test]
fn a_store_to_a_peer_that_is_forgotten_meanwhile_ends_at_once() {
    run(async {
        let network = Network::default();
        let disk = SimDisk::new();
        let pair = network.pair(&SimDisk::new(), &disk).await;
        let owner = pair.owner.handle();
        // The holder's disk hangs, so that the owner waits for its answer.
        disk.set_delay(Some(15 * SECOND));
        let storing = {
            let owner = owner.clone();
            tokio::task::spawn_local(async move { owner.store(&key("a"), Content::bytes(vec![7; 100])).await })
        };
        sleep(SECOND).await;
        assert!(!storing.is_finished());
        change(&owner, MemberChange::Forget(pair.holder.handle().node())).await;
        let stored = timeout(SECOND, storing).await.expect("at once").expect("no panic").expect("stored here");
        let outcome = &stored.receipts[0].outcome;
        assert!(matches!(outcome, Err(ReplicaError::Unconfirmed { .. })), "{outcome:?}");
        assert_eq!(put(&owner, "b", vec![7; 100]).await.receipts, [], "the forgotten node is no peer any more");
    });
}

#[test]
fn who_was_forgotten_is_forgotten_after_a_restart() {
    run(async {
        let network = Network::default();
        let disk = SimDisk::new();
        let Pair { owner: second, holder: first } = network.pair(&SimDisk::new(), &disk).await;
        change(&first.handle(), MemberChange::Forget(second.handle().node())).await;
        drop(first);
        lose_power(&disk, 1);
        let first = network.start(HOLDER, &disk, &[]).await;
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

/// Returns what a node says of its peers: id, address and whether it is connected.
async fn rows(node: &Handle) -> Vec<(Option<NodeId>, Option<String>, bool)> {
    let peers = node.peers().await;
    peers.into_iter().map(|row| (row.peer, row.address.map(|address| address.to_string()), row.is_connected)).collect()
}

#[test]
fn the_old_address_of_a_node_that_has_moved_is_no_peer_that_is_away() {
    run(async {
        let network = Network::default();
        let [disk, moved] = [SimDisk::new(), SimDisk::new()];
        let other = network.start(3001, &moved, &[5000]).await;
        let mut members = Members::default();
        let dial = Dial { address: "host:3000".parse().expect("an address"), node: Some(other.handle().node()) };
        members.dial(dial).expect("room");
        members.save(&disk).expect("a disk that works");
        let node = network.start(5000, &disk, &[]).await;
        connected(&node.handle(), 1).await;
        assert_eq!(rows(&node.handle()).await.len(), 1, "{:?}", rows(&node.handle()).await);
        assert_eq!(put(&node.handle(), "a", vec![7; 100]).await.away, 0);
    });
}

/// Starts a node while the peer that it dials is away, and then the peer, which dials the node at once. Returns what
/// the node says then of its peers and of a file that nobody has. `is_new` tells whether it has not met the peer.
async fn beside_a_dial_that_waits(is_new: bool) -> (usize, String) {
    let network = Network::default();
    let [disk, peer] = [SimDisk::new(), SimDisk::new()];
    if !is_new {
        let (node, other) = (network.start(3000, &disk, &[3001]).await, network.start(3001, &peer, &[3000]).await);
        sleep(15 * SECOND).await;
        node.handle().stop().await;
        other.handle().stop().await;
    }
    let node = network.start(3000, &disk, &[3001]).await;
    sleep(20 * SECOND).await;
    let _other = network.start(3001, &peer, &[3000]).await;
    connected(&node.handle(), 1).await;
    let got = node.handle().get(&key("nothing")).await;
    (rows(&node.handle()).await.len(), got.map(|_| ()).expect_err("nobody has it").to_string())
}

#[test]
fn a_peer_that_came_by_itself_is_not_also_away_where_it_was_reached_before() {
    run(async {
        let (rows, error) = beside_a_dial_that_waits(false).await;
        assert_eq!((rows, error.as_str()), (1, "nobody has it: not this node, and none of 1 peer asked"));
        let (rows, error) = beside_a_dial_that_waits(true).await;
        let unasked = "not found so far: 1 of 2 peers could not be asked: host:3001 (it is away)";
        assert_eq!((rows, error.as_str()), (2, unasked), "perhaps another");
    });
}

#[test]
fn an_address_that_is_forgotten_is_dialled_no_more() {
    run(async {
        let network = Network::default();
        let disk = SimDisk::new();
        let node = network.start(5000, &disk, &[3000, 3001]).await;
        let gone = Some("host:3001".to_owned());
        assert!(rows(&node.handle()).await.contains(&(None, gone.clone(), false)));
        change(&node.handle(), MemberChange::ForgetAddress("host:3001".parse().expect("an address"))).await;
        let _listens = network.start(3001, &SimDisk::new(), &[]).await;
        sleep(60 * SECOND).await;
        assert_eq!(rows(&node.handle()).await, [(None, Some("host:3000".to_owned()), false)]);
        let again = node.handle().change_members(MemberChange::ForgetAddress("host:9".parse().expect("one"))).await;
        assert!(again.is_err_and(|error| error.to_string() == "nobody is dialled at host:9"));
    });
}

#[test]
fn a_peer_that_is_away_for_a_day_fills_no_log() {
    run_long(async {
        let network = Network::default();
        let _node = network.start(5000, &SimDisk::new(), &[3000]).await;
        sleep(24 * 3600 * SECOND).await;
        let failed = |event: &&Event| matches!(event, Event::DialFailed { .. });
        let told = network.events.borrow().iter().filter(failed).count();
        assert!((20..40).contains(&told), "{told} lines");
    });
}

#[test]
fn no_member_takes_the_places_of_the_others() {
    run(async {
        let network = Network::default();
        let greedy = ScriptedPeer::new(7);
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let mut links = Vec::new();
        for _ in 0..2 * INBOUND_CONNECTIONS_MAX {
            for purpose in [Purpose::Control, Purpose::DialerAsks, Purpose::AcceptorAsks] {
                if let Ok(mut link) = greedy.dial(&network, 3000, 0, purpose).await {
                    if purpose == Purpose::Control {
                        send(&mut link, &heartbeat(None)).await.expect("it listens");
                    }
                    links.push(link);
                }
            }
        }
        let peer = network.start(5000, &SimDisk::new(), &[3000]).await;
        timeout(SECOND, connected(&peer.handle(), 1)).await.expect("there is a place for another peer");
        assert_eq!(put(&peer.handle(), "a", vec![7; 100]).await.replicas(), 1);
        connected(&node.handle(), 2).await;
    });
}

//! Members that have moved: those that knew them find them through the others, or are dialled by them, and nobody is
//! led to another node.

use std::time::Duration;

use dacapo::crypto::NodeId;
use dacapo::event::Event;
use dacapo::limits::{HEARTBEAT_INTERVAL, SEEK_AFTER, SEEK_AFTER_START, SEEK_RETRY};
use dacapo::membership::{Dial, MemberChange, Members};
use dacapo::node::{Handle, PeerInfo};
use dacapo::protocol::{Message, Purpose, Whereabouts, read_message};
use dacapo::transport::Address;
use dacapo_sim::disk::SimDisk;
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{Network, connected, run, stop};
use crate::support::scripted_peer::{Link, ScriptedPeer, send};

/// Within this time a member that has moved is found: it is missed, asked for, and dialled.
const FOUND_WITHIN: Duration = Duration::from_secs(SEEK_AFTER.as_secs() + SEEK_RETRY.as_secs());

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Returns what a node says of a peer.
async fn row(node: &Handle, of: &Handle) -> PeerInfo {
    let peers = node.peers().await;
    peers.into_iter().find(|row| row.peer == Some(of.node())).expect("it was connected")
}

#[test]
fn a_member_that_has_moved_is_found_through_the_others() {
    run(async {
        let (network, disks) = (Network::default(), [SimDisk::new(), SimDisk::new(), SimDisk::new()]);
        let third = network.start(3000, &disks[0], &[]).await;
        let moves = network.start(3001, &disks[1], &[3000]).await;
        let seeks = network.start(5000, &disks[2], &[3000, 3001]).await;
        connected(&seeks.handle(), 2).await;
        stop(moves).await;
        stop(seeks).await;
        // Neither is where the other one remembers it.
        let seeks = network.start(5001, &disks[2], &[3000, 3001]).await;
        connected(&seeks.handle(), 1).await;
        let moved = network.start(3002, &disks[1], &[3000]).await;
        timeout(SEEK_AFTER - HEARTBEAT_INTERVAL, connected(&seeks.handle(), 2)).await.expect("it is found");
        let found = row(&seeks.handle(), &moved.handle()).await;
        assert_eq!(found.address, Some(address("127.0.0.1:3002")));
        assert_eq!(found.not_reached_at, Some(address("host:3001")));
        let both = [moved.handle().node(), seeks.handle().node()];
        let is_it = |event: &Event| {
            matches!(event, Event::PeerFound { peer, through: Some(through), .. }
                if both.contains(peer) && *through == third.handle().node())
        };
        assert!(network.events.borrow().iter().any(is_it));
        // Alone, and where the other one does not find it, it remembers where that was.
        stop(third).await;
        stop(seeks).await;
        let seeks = network.start(5002, &disks[2], &[3000, 3001]).await;
        timeout(FOUND_WITHIN, connected(&seeks.handle(), 1)).await.expect("it is found again");
        let found = row(&seeks.handle(), &moved.handle()).await;
        assert_eq!(found.address, Some(address("127.0.0.1:3002")));
        assert_eq!(found.not_reached_at, Some(address("host:3001")));
    });
}

#[test]
fn members_that_have_exchanged_their_addresses_are_found() {
    run(async {
        let (network, disks) = (Network::default(), [(); 4].map(|()| SimDisk::new()));
        let _third = network.start(3000, &disks[0], &[]).await;
        let [one, other] =
            [network.start(3001, &disks[1], &[3000]).await, network.start(3002, &disks[2], &[3000]).await];
        let mut members = Members::default();
        for (node, port) in [(&one, 3001), (&other, 3002)] {
            let dial = Dial { address: address(&format!("host:{port}")), node: Some(node.handle().node()) };
            members.dial(dial).expect("room");
        }
        members.save(&disks[3]).expect("a disk that works");
        let seeks = network.start(5000, &disks[3], &[3000]).await;
        connected(&seeks.handle(), 3).await;
        stop(one).await;
        stop(other).await;
        sleep(SEEK_AFTER).await;
        let _one = network.start(3002, &disks[1], &[3000]).await;
        let _other = network.start(3001, &disks[2], &[3000]).await;
        timeout(SEEK_AFTER - HEARTBEAT_INTERVAL, connected(&seeks.handle(), 3)).await.expect("both are found");
    });
}

#[test]
fn a_member_that_has_moved_dials_those_that_have_dialled_it() {
    run(async {
        let (network, disks) = (Network::default(), [SimDisk::new(), SimDisk::new()]);
        let moves = network.start(3001, &disks[0], &[]).await;
        let stays = network.start(5000, &disks[1], &[3001]).await;
        connected(&stays.handle(), 1).await;
        stop(moves).await;
        let moved = network.start(3002, &disks[0], &[]).await;
        let soon = SEEK_AFTER_START + HEARTBEAT_INTERVAL;
        timeout(soon, connected(&stays.handle(), 1)).await.expect("it is back");
        let back = row(&stays.handle(), &moved.handle()).await;
        assert_eq!(back.address, Some(address("127.0.0.1:3002")), "where it says that it listens now");
    });
}

/// Says on a control connection where a peer is, for as long as it is polled.
async fn name(link: &mut Link, peer: NodeId, port: u16) {
    loop {
        let whereabouts = Whereabouts { sought: vec![peer], found: vec![(peer, address(&format!("host:{port}")))] };
        let heartbeat = Message::Heartbeat { held: None, has_twin: false, whereabouts };
        send(link, &heartbeat).await.expect("it listens");
        read_message(link).await.expect("it answers");
    }
}

#[test]
fn a_member_that_was_dialled_and_has_moved_is_remembered_where_it_says_that_it_listens() {
    run(async {
        let (network, disks) = (Network::default(), [SimDisk::new(), SimDisk::new()]);
        let moves = network.start(3001, &disks[0], &[]).await;
        let seeks = network.start(5000, &disks[1], &[3001]).await;
        connected(&seeks.handle(), 1).await;
        stop(moves).await;
        sleep(HEARTBEAT_INTERVAL).await;
        let moved = network.start(3002, &disks[0], &[5000]).await;
        connected(&moved.handle(), 1).await;
        sleep(HEARTBEAT_INTERVAL).await;
        stop(moved).await;
        stop(seeks).await;
        // The other one dials nobody, and does not know where this one is.
        let moved = network.start(3002, &disks[0], &[]).await;
        let seeks = network.start(5001, &disks[1], &[3001]).await;
        timeout(FOUND_WITHIN, connected(&seeks.handle(), 1)).await.expect("it is remembered");
        assert_eq!(row(&seeks.handle(), &moved.handle()).await.address, Some(address("127.0.0.1:3002")));
    });
}

#[test]
fn a_peer_that_names_a_wrong_place_costs_a_dial_now_and_then() {
    run(async {
        let (network, liar) = (Network::default(), ScriptedPeer::new(7));
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let gone = network.start(3001, &SimDisk::new(), &[3000]).await;
        connected(&node.handle(), 1).await;
        let id = gone.handle().node();
        stop(gone).await;
        // Nobody who ever answers.
        let mut arrived = network.listen(3003);
        let mut link = liar.dial(&network, 3000, 0, Purpose::Control).await.expect("it listens");
        let minutes = 10;
        timeout(Duration::from_secs(60 * minutes), name(&mut link, id, 3003)).await.expect_err("it goes on");
        let mut dialled = 0;
        while arrived.try_recv().is_ok() {
            dialled += 1;
        }
        assert!((minutes..=2 * minutes).contains(&dialled), "{dialled} dials in {minutes} minutes");
    });
}

#[test]
fn who_was_dialled_in_place_of_another_one_knows_nothing_of_it_and_the_right_one_is_found() {
    run(async {
        let (network, liar) = (Network::default(), ScriptedPeer::new(7));
        let disks = [(); 4].map(|()| SimDisk::new());
        let _third = network.start(3000, &disks[0], &[]).await;
        let gone = network.start(3001, &disks[1], &[3000]).await;
        let seeks = network.start(5000, &disks[2], &[3000, 3001]).await;
        connected(&seeks.handle(), 2).await;
        let id = gone.handle().node();
        stop(gone).await;
        let other = network.start(3002, &disks[3], &[]).await;
        let mut link = liar.dial(&network, 5000, 0, Purpose::Control).await.expect("it listens");
        let lying = tokio::task::spawn_local(async move { name(&mut link, id, 3002).await });
        sleep(10 * FOUND_WITHIN).await;
        assert_eq!(other.handle().peers().await, [], "it has met nobody");
        assert!(!network.events.borrow().iter().any(|event| matches!(event, Event::PeerFound { .. })));
        let _moved = network.start(3003, &disks[1], &[3000]).await;
        timeout(FOUND_WITHIN, connected(&seeks.handle(), 3)).await.expect("the right word counts too");
        assert!(!lying.is_finished());
    });
}

#[test]
fn a_node_that_was_forgotten_is_neither_looked_for_nor_told() {
    run(async {
        let (network, scripted) = (Network::default(), ScriptedPeer::new(7));
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let forgotten = network.start(3001, &SimDisk::new(), &[3000]).await;
        connected(&node.handle(), 1).await;
        let id = forgotten.handle().node();
        // Asked while it is a peer, the node tells where it is.
        for found in [vec![(id, address("127.0.0.1:3001"))], Vec::new()] {
            let mut link = scripted.dial(&network, 3000, 3005, Purpose::Control).await.expect("it listens");
            for _ in 0..10 {
                let whereabouts = Whereabouts { sought: vec![id], found: Vec::new() };
                let heartbeat = Message::Heartbeat { held: None, has_twin: false, whereabouts };
                send(&mut link, &heartbeat).await.expect("it listens");
                let answer = read_message(&mut link).await;
                let expected = Whereabouts { sought: Vec::new(), found: found.clone() };
                assert!(
                    matches!(&answer, Ok(Message::Alive { whereabouts, .. }) if *whereabouts == expected),
                    "{answer:?}"
                );
            }
            node.handle().change_members(MemberChange::Forget(id)).await.expect("room");
        }
    });
}

//! The places that connections take: nobody is locked out by what is idle or dead, and who cannot be dialled is asked
//! to dial.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::limits::{
    CONTROLS_PER_PEER_MAX, DIAL_HEAD_START, HEARTBEAT_INTERVAL, INBOUND_CONNECTIONS_MAX, INBOUND_CONTROLS_MAX,
    INBOUND_PER_PEER_MAX, PEERS_MAX, POOL_CONNECTIONS_MAX,
};
use dacapo::membership::{Dial, MemberChange, Members};
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, read_message};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::take;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::in_memory::{Network, connected, put, run, stop};
use crate::support::scripted_peer::{Link, ScriptedPeer, alive, heartbeat, send};

const SECOND: Duration = Duration::from_secs(1);

/// Keeps a control connection alive that a peer has opened.
async fn beat(peer: &ScriptedPeer, network: &Network, listen_port: u16) -> Result<Link, LinkError> {
    let mut link = peer.dial(network, 3000, listen_port, Purpose::Control).await?;
    send(&mut link, &heartbeat(None)).await?;
    Ok(link)
}

#[test]
fn connections_on_which_nothing_is_asked_give_way_to_those_of_another_peer() {
    run(async {
        let network = Network::default();
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let mut idle = Vec::new();
        for number in 1..=u8::try_from(INBOUND_CONNECTIONS_MAX / INBOUND_PER_PEER_MAX + 1).expect("few") {
            let peer = ScriptedPeer::new(number);
            idle.push(beat(&peer, &network, 0).await.expect("there is room"));
            for _ in 0..INBOUND_PER_PEER_MAX {
                idle.push(peer.asking(&network, 3000).await.expect("there is room"));
            }
        }
        let peer = network.start(5000, &SimDisk::new(), &[3000]).await;
        timeout(SECOND, connected(&peer.handle(), 1)).await.expect("there is room");
        let began = Instant::now();
        assert_eq!(put(&peer.handle(), "a", vec![7; 100]).await.replicas(), 1);
        assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
        drop(node);
    });
}

#[test]
fn connections_that_were_opened_for_a_node_to_ask_on_give_way_too() {
    run(async {
        let network = Network::default();
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let mut idle = Vec::new();
        for number in 1..=INBOUND_CONNECTIONS_MAX / POOL_CONNECTIONS_MAX + 1 {
            let peer = ScriptedPeer::new(u8::try_from(number).expect("few"));
            idle.push(beat(&peer, &network, 0).await.expect("there is room"));
            connected(&node.handle(), number).await;
            for _ in 0..POOL_CONNECTIONS_MAX {
                idle.push(peer.dial(&network, 3000, 0, Purpose::AcceptorAsks).await.expect("there is room"));
            }
        }
        let peer = network.start(5000, &SimDisk::new(), &[3000]).await;
        timeout(SECOND, connected(&peer.handle(), 1)).await.expect("there is room");
        assert_eq!(put(&peer.handle(), "a", vec![7; 100]).await.replicas(), 1);
        drop(node);
    });
}

#[test]
fn a_few_peers_with_many_control_connections_lock_no_other_one_out() {
    run(async {
        let network = Network::default();
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        let mut kept = Vec::new();
        for number in 1..=u8::try_from(INBOUND_CONTROLS_MAX / CONTROLS_PER_PEER_MAX).expect("few") {
            let peer = ScriptedPeer::new(number);
            for _ in 0..CONTROLS_PER_PEER_MAX {
                kept.push(beat(&peer, &network, 0).await.ok());
            }
        }
        assert!(kept.iter().flatten().count() >= INBOUND_CONTROLS_MAX - PEERS_MAX, "there was room");
        let newcomer = beat(&ScriptedPeer::new(99), &network, 0).await;
        assert!(newcomer.is_ok(), "{:?}", newcomer.err());
        drop(node);
    });
}

#[test]
fn what_was_opened_for_a_peer_that_is_lost_takes_no_place_of_what_it_wants_then() {
    run(async {
        let (network, peer, opened) = (Network::default(), ScriptedPeer::new(9), Rc::new(Cell::new(0)));
        let mut arrived = network.listen(4000);
        let noted = opened.clone();
        tokio::task::spawn_local(async move {
            let mut controls = 0;
            let mut silent = Vec::new();
            while let Some((stream, _)) = arrived.recv().await {
                let (mut link, hello) = peer.accept(stream).await.expect("a node");
                if hello.purpose == Purpose::Control {
                    controls += 1;
                    assert!(matches!(read_message(&mut link).await, Ok(Message::Heartbeat { .. })));
                    send(&mut link, &alive(if controls == 1 { 100 } else { 1 }, None)).await.expect("it reads");
                } else {
                    noted.set(noted.get() + 1);
                }
                // From here on all of them are silent, and open.
                silent.push(link);
            }
        });
        let node = network.start(3000, &SimDisk::new(), &[4000]).await;
        connected(&node.handle(), 1).await;
        sleep(SECOND).await;
        let before = opened.get();
        assert!(before > 1, "as many as a peer may have");
        connected(&node.handle(), 0).await;
        connected(&node.handle(), 1).await;
        sleep(SECOND).await;
        assert_eq!(opened.get(), before + 1);
    });
}

/// Takes every replica on a connection that the peer has opened for the node to ask on.
async fn serve(mut link: Link) -> Result<(), LinkError> {
    loop {
        let answer = match read_message(&mut link).await? {
            Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                take(&mut link, owner, replica_name, sealed_bytes).await?;
                Message::Stored
            }
            _ => Message::NotFound,
        };
        send(&mut link, &answer).await?;
    }
}

/// Says that it listens at a port, and dials the node whenever the node wants to ask.
async fn dials_only(peer: ScriptedPeer, network: Network) -> Result<(), LinkError> {
    let mut control = beat(&peer, &network, 4000).await?;
    loop {
        match read_message(&mut control).await? {
            Message::Alive { connections_wanted, .. } => {
                for _ in 0..connections_wanted {
                    let link = peer.dial(&network, 3000, 4000, Purpose::AcceptorAsks).await?;
                    tokio::task::spawn_local(serve(link));
                }
                send(&mut control, &heartbeat(None)).await?;
            }
            other => panic!("a node said {}", other.name()),
        }
    }
}

#[test]
fn a_peer_that_does_not_answer_a_dial_is_soon_asked_to_dial_itself() {
    run(async {
        let network = Network::default();
        let node = network.start(3000, &SimDisk::new(), &[]).await;
        // Whoever dials there waits.
        let _arrived = network.listen(4000);
        tokio::task::spawn_local(dials_only(ScriptedPeer::new(9), network.clone()));
        connected(&node.handle(), 1).await;
        let began = Instant::now();
        assert_eq!(put(&node.handle(), "a", vec![7; 100]).await.replicas(), 1);
        assert!(began.elapsed() <= DIAL_HEAD_START + SECOND / 2, "{:?}", began.elapsed());
    });
}

#[test]
fn a_peer_that_cannot_hear_what_is_wanted_is_not_waited_for() {
    run(async {
        let (network, peer) = (Network::default(), ScriptedPeer::new(9));
        let mut arrived = network.listen(4000);
        tokio::task::spawn_local(async move {
            let mut dropped: Option<DuplexStream> = None;
            let (mut control, _) = peer.accept(arrived.recv().await.expect("it dials").0).await.expect("a node");
            loop {
                tokio::select! {
                    biased;
                    Some((stream, _)) = arrived.recv() => drop(dropped.replace(stream)),
                    heard = read_message(&mut control) => {
                        heard.expect("a heartbeat");
                        sleep(HEARTBEAT_INTERVAL).await;
                        send(&mut control, &alive(0, None)).await.expect("it reads");
                    }
                }
                dropped = None;
            }
        });
        let node = network.start(3000, &SimDisk::new(), &[4000]).await;
        connected(&node.handle(), 1).await;
        let began = Instant::now();
        let stored = put(&node.handle(), "a", vec![7; 100]).await;
        let [receipt] = stored.receipts.as_slice() else { panic!("one peer is connected") };
        let why = receipt.outcome.as_ref().expect_err("it takes no connection").to_string();
        assert!(!why.contains("it opened no connection itself"), "{why}");
        assert!(began.elapsed() <= HEARTBEAT_INTERVAL, "{:?}", began.elapsed());
    });
}

#[test]
fn a_peer_that_ends_each_connection_at_once_is_dialled_ever_less_often() {
    run(async {
        let (network, peer, dials) = (Network::default(), ScriptedPeer::new(9), Rc::new(Cell::new(0)));
        let mut arrived = network.listen(4000);
        let counted = dials.clone();
        tokio::task::spawn_local(async move {
            while let Some((stream, _)) = arrived.recv().await {
                counted.set(counted.get() + 1);
                drop(peer.accept(stream).await.expect("a node"));
            }
        });
        let _node = network.start(3000, &SimDisk::new(), &[4000]).await;
        sleep(120 * SECOND).await;
        assert!((10..30).contains(&dials.get()), "{} dials", dials.get());
    });
}

#[test]
fn a_node_that_is_allowed_again_is_dialled_where_it_was_also_after_a_start() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let other = network.start(4000, &SimDisk::new(), &[]).await;
        let node = other.handle().node();
        let mut members = Members::default();
        let address: dacapo::transport::Address = "host:4000".parse().expect("an address");
        members.dial(Dial { address: address.clone(), node: Some(node) }).expect("room");
        members.save(&disk).expect("a disk that works");
        let own = network.start(3000, &disk, &[]).await;
        connected(&own.handle(), 1).await;
        own.handle().change_members(MemberChange::Forget(node)).await.expect("room");
        connected(&own.handle(), 0).await;
        sleep(SECOND).await;
        let dialled = |event: &&Event| matches!(event, Event::Dialled { address: to } if *to == address);
        let dials = || network.events.borrow().iter().filter(dialled).count();
        let before = dials();
        sleep(60 * SECOND).await;
        assert_eq!(dials(), before, "who was forgotten is not dialled");
        own.handle().change_members(MemberChange::Allow(node)).await.expect("room");
        timeout(SECOND, connected(&own.handle(), 1)).await.expect("it is dialled");
        stop(own).await;
        // The other one does not know where it is now.
        let own = network.start(3001, &disk, &[]).await;
        timeout(SECOND, connected(&own.handle(), 1)).await.expect("it is dialled");
    });
}

#[test]
fn a_peer_whose_address_is_forgotten_is_told_to_be_lost() {
    run(async {
        let network = Network::default();
        let _other = network.start(4000, &SimDisk::new(), &[]).await;
        let own = network.start(3000, &SimDisk::new(), &[4000]).await;
        connected(&own.handle(), 1).await;
        let address = "host:4000".parse().expect("an address");
        own.handle().change_members(MemberChange::ForgetAddress(address)).await.expect("it is dialled");
        connected(&own.handle(), 0).await;
        let lost = |event: &Event| matches!(event, Event::PeerLost { reason, .. } if reason.contains("was forgotten"));
        assert!(network.events.borrow().iter().any(lost));
    });
}

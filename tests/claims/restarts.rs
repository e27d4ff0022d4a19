//! A node that starts again is let in at once, whatever is left of its connections from before; a node that runs twice
//! is noticed.

use std::time::Duration;

use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo::event::Event;
use dacapo::limits::{CONTROLS_PER_PEER_MAX, HEARTBEAT_INTERVAL, INBOUND_PER_PEER_MAX};
use dacapo::node::link::LinkError;
use dacapo::node::{DeleteError, Handle};
use dacapo::protocol::{BootId, Hello, Message, Purpose, read_message};
use dacapo_sim::disk::SimDisk;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::support::in_memory::{HOLDER, Network, OWNER, connected, get, key, put, run, stop};
use crate::support::scripted_peer::{Link, ScriptedPeer, heartbeat, hello, send};

/// The port of the node.
const PORT: u16 = 3000;

/// Dials the node as a start of a peer.
async fn dial(network: &Network, peer: &ScriptedPeer, boot: u8, purpose: Purpose) -> Result<Link, LinkError> {
    let hello = Hello { boot: BootId([boot; 8]), ..hello(0, purpose) };
    peer.link(network.dial(PORT)?, hello).await
}

/// Dials until the node has no room, and returns the links.
async fn fill(network: &Network, peer: &ScriptedPeer, boot: u8, purpose: Purpose) -> Vec<Link> {
    let mut links = Vec::new();
    loop {
        match dial(network, peer, boot, purpose).await {
            Ok(link) => links.push(link),
            Err(LinkError::Full) => return links,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_peer_that_starts_again_takes_the_places_of_its_dead_connections() {
    run(async {
        let network = Network::default();
        let _node = network.start(PORT, &SimDisk::new(), &[]).await;
        let peer = ScriptedPeer::new(0xee);
        let mut dead = fill(&network, &peer, 1, Purpose::Control).await;
        assert_eq!(dead.len(), CONTROLS_PER_PEER_MAX);
        send(&mut dead[0], &heartbeat(None)).await.expect("sent");
        assert!(matches!(read_message(&mut dead[0]).await, Ok(Message::Alive { .. })), "it counts as a peer now");
        let asking = fill(&network, &peer, 1, Purpose::DialerAsks).await;
        assert_eq!(asking.len(), INBOUND_PER_PEER_MAX);
        dead.extend(asking);
        dead.push(dial(&network, &peer, 1, Purpose::AcceptorAsks).await.expect("let in"));
        let mut control = dial(&network, &peer, 2, Purpose::Control).await.expect("the new start is let in");
        send(&mut control, &heartbeat(None)).await.expect("sent");
        assert!(matches!(read_message(&mut control).await, Ok(Message::Alive { .. })));
        assert_eq!(fill(&network, &peer, 2, Purpose::DialerAsks).await.len(), INBOUND_PER_PEER_MAX);
        for mut link in dead {
            assert!(link.read(&mut [0]).await.is_ok_and(|count| count == 0), "the node has closed it");
        }
    });
}

#[test]
fn two_starts_that_both_go_on_close_no_connection_twice() {
    run(async {
        let network = Network::default();
        let _node = network.start(PORT, &SimDisk::new(), &[]).await;
        let peer = ScriptedPeer::new(0xee);
        let mut first = dial(&network, &peer, 1, Purpose::DialerAsks).await.expect("let in");
        let mut second = dial(&network, &peer, 2, Purpose::DialerAsks).await.expect("let in");
        assert!(first.read(&mut [0]).await.is_ok_and(|count| count == 0), "the later start ends the earlier one");
        let mut first = dial(&network, &peer, 1, Purpose::DialerAsks).await.expect("let in");
        drop(dial(&network, &peer, 2, Purpose::DialerAsks).await.expect("let in"));
        for link in [&mut first, &mut second] {
            send(link, &Message::Summarise { group: None }).await.expect("sent");
            assert!(matches!(read_message(link).await, Ok(Message::Summary(_))));
        }
    });
}

#[test]
fn a_peer_that_starts_again_does_not_run_twice() {
    run(async {
        let network = Network::default();
        let _node = network.start(PORT, &SimDisk::new(), &[]).await;
        let peer = ScriptedPeer::new(0xee);
        let mut dead = Vec::new();
        for boot in 1..5 {
            let mut control = dial(&network, &peer, boot, Purpose::Control).await.expect("let in");
            for _ in 0..4 {
                send(&mut control, &heartbeat(None)).await.expect("sent");
                let answer = read_message(&mut control).await;
                assert!(matches!(answer, Ok(Message::Alive { has_twin: false, .. })), "{answer:?}");
            }
            dead.push(control);
        }
        assert_eq!(told_of_twins(&network), (0, 0));
    });
}

/// Returns how often a node told that a peer runs twice, and how often one told so of itself.
fn told_of_twins(network: &Network) -> (usize, usize) {
    let events = network.events.borrow();
    let count = |is_it: fn(&Event) -> bool| events.iter().filter(|event| is_it(event)).count();
    (
        count(|event| matches!(event, Event::PeerRunsTwice { .. })),
        count(|event| matches!(event, Event::RunsTwice { .. })),
    )
}

/// Copies a disk, as `cp -a` copies a data directory.
fn copy_of(disk: &SimDisk) -> SimDisk {
    let copy = SimDisk::new();
    for (path, kind, _) in disk.tree() {
        let place = path.split('/').fold(DiskPath::root(), |folder, name| folder.child(name));
        match kind {
            EntryKind::Dir => copy.make_dir(&place).expect("made"),
            EntryKind::File | EntryKind::Other => {
                let file = copy.create(&place).expect("created");
                file.write_at(0, &disk.read(&path).expect("a file")).expect("written");
            }
        }
    }
    copy
}

/// Asserts that two nodes with one identity and their peer `n3000` notice it, and lose nothing by it.
async fn assert_noticed(network: &Network, holder: &Handle, twins: [&Handle; 2]) {
    sleep(4 * HEARTBEAT_INTERVAL).await;
    assert_eq!(told_of_twins(network), (1, 2));
    assert!(holder.peers().await.iter().any(|peer| peer.has_twin));
    for (twin, byte) in twins.into_iter().zip([1, 2]) {
        assert!(twin.peers().await.iter().any(|peer| peer.sees_twin));
        for name in ["both", if byte == 1 { "first" } else { "second" }] {
            put(twin, name, vec![byte; 100_000]).await;
        }
    }
    let lost = || network.events.borrow().iter().filter(|event| matches!(event, Event::PeerLost { .. })).count();
    let before = lost();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(lost(), before, "the twins do not take turns");
    for (twin, byte) in twins.into_iter().zip([1, 2]) {
        for name in ["both", if byte == 1 { "first" } else { "second" }] {
            assert_eq!(get(twin, name).await, vec![byte; 100_000], "{name}");
        }
    }
    assert_eq!(told_of_twins(network), (1, 2), "it is told once");
}

/// Returns two disks with one identity.
async fn two_of_one(network: &Network) -> [SimDisk; 2] {
    let disk = SimDisk::new();
    stop(network.start(OWNER, &disk, &[]).await).await;
    let copy = copy_of(&disk);
    [disk, copy]
}

#[test]
fn a_peer_tells_two_nodes_with_one_identity_that_dial_it() {
    run(async {
        let network = Network::default();
        let disks = two_of_one(&network).await;
        let holder = network.start(HOLDER, &SimDisk::new(), &[]).await;
        let first = network.start(OWNER, &disks[0], &[HOLDER]).await;
        let second = network.start(OWNER + 1, &disks[1], &[HOLDER]).await;
        assert_noticed(&network, &holder.handle(), [&first.handle(), &second.handle()]).await;
        stop(second).await;
        sleep(2 * HEARTBEAT_INTERVAL).await;
        assert!(!holder.handle().peers().await.iter().any(|peer| peer.has_twin));
        assert!(!first.handle().peers().await.iter().any(|peer| peer.sees_twin));
    });
}

#[test]
fn a_peer_tells_two_nodes_with_one_identity_that_it_dials() {
    run(async {
        let network = Network::default();
        let disks = two_of_one(&network).await;
        let first = network.start(OWNER, &disks[0], &[]).await;
        let second = network.start(OWNER + 1, &disks[1], &[]).await;
        let holder = network.start(HOLDER, &SimDisk::new(), &[OWNER, OWNER + 1]).await;
        connected(&holder.handle(), 1).await;
        assert_noticed(&network, &holder.handle(), [&first.handle(), &second.handle()]).await;
    });
}

#[test]
fn the_word_of_a_peer_that_runs_twice_proves_no_copy() {
    run(async {
        let network = Network::default();
        let disks = two_of_one(&network).await;
        let _first = network.start(OWNER, &disks[0], &[HOLDER]).await;
        let node = network.start(HOLDER, &SimDisk::new(), &[]).await;
        connected(&node.handle(), 1).await;
        put(&node.handle(), "a", vec![7; 100]).await;
        let second = network.start(OWNER + 1, &disks[1], &[HOLDER]).await;
        sleep(4 * HEARTBEAT_INTERVAL).await;
        let deleted = node.handle().delete_if_held(&key("a"), 1).await;
        assert!(matches!(deleted, Err(DeleteError::TooFewReplicas { found: 0, asked: 1, .. })), "{deleted:?}");
        stop(second).await;
        sleep(2 * HEARTBEAT_INTERVAL).await;
        node.handle().delete_if_held(&key("a"), 1).await.expect("one node is left, which has the file");
    });
}

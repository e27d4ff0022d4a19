//! What a node does with the replicas that it holds for others: what it acknowledged survives a power loss, a failure
//! of its disk is in its answer, it sends a large replica only when its owner proceeds, and each peer gets its share of
//! the connections.

use std::io;
use std::time::Duration;

use dacapo::crypto::{ReplicaName, Version};
use dacapo::event::Event;
use dacapo::limits::INBOUND_PER_PEER_MAX;
use dacapo::node::link::LinkError;
use dacapo::node::{DeleteError, GetError, Handle, ReplicaError};
use dacapo::protocol::{Message, Refusal, read_message, read_stream_header};
use dacapo_sim::disk::SimDisk;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{HOLDER, Network, connected, get, key, lose_power, put, run, stop};
use crate::support::scripted_peer::{Link, Replica, ScriptedPeer, receive, send, store_at};

/// The lengths of a file that is sent together with its announcement, and of one that is not.
const SMALL_AND_LARGE: [usize; 2] = [22, 600_000];

/// Stores a file and returns what became of its only replica.
async fn put_outcome(owner: &Handle, name: &str, content: Vec<u8>) -> Result<(), ReplicaError> {
    let stored = put(owner, name, content).await;
    let [receipt] = stored.receipts.as_slice() else { panic!("one peer is connected: {stored:?}") };
    receipt.outcome.clone()
}

#[test]
fn an_acked_replica_survives_a_power_loss_of_its_holder() {
    for len in SMALL_AND_LARGE {
        for delay in [None, Some(Duration::from_millis(20))] {
            for seed in 0..8 {
                run(async move {
                    let (network, disk) = (Network::default(), SimDisk::new());
                    disk.set_delay(delay);
                    let pair = network.pair(&SimDisk::new(), &disk).await;
                    let owner = pair.owner.handle();
                    for (name, byte) in [("a", 1), ("b", 2), ("a", 3)] {
                        assert_eq!(put_outcome(&owner, name, vec![byte; len]).await, Ok(()));
                    }
                    lose_power(&disk, seed);
                    stop(pair.holder).await;
                    connected(&owner, 0).await;
                    let _holder = network.start(HOLDER, &disk, &[]).await;
                    connected(&owner, 1).await;
                    for (name, byte) in [("a", 3), ("b", 2)] {
                        owner.delete(&key(name)).await.expect("deleted");
                        assert!(get(&owner, name).await == vec![byte; len], "{len} bytes, seed {seed}: {name}");
                    }
                });
            }
        }
    }
}

#[test]
fn a_holder_whose_commit_failed_says_perhaps_stored() {
    for len in SMALL_AND_LARGE {
        for (call, fault) in [
            ("write catalog", Fault::Error(io::ErrorKind::StorageFull)),
            ("sync catalog", Fault::ErrorAfter(io::ErrorKind::Other)),
            ("rename tmp/", Fault::Error(io::ErrorKind::Other)),
            ("rename tmp/", Fault::ErrorAfter(io::ErrorKind::Other)),
        ] {
            run(async move {
                let (network, disk) = (Network::default(), FaultDisk::new(&SimDisk::new(), None));
                let pair = network.pair_on(SimDisk::new(), disk.clone()).await;
                disk.arm(call, fault);
                let outcome = put_outcome(&pair.owner.handle(), "a", vec![1; len]).await;
                assert!(matches!(outcome, Err(ReplicaError::Unconfirmed { .. })), "{call} {fault:?}: {outcome:?}");
                assert_eq!(failures(&network).len(), 1, "{call} {fault:?}: who runs the holder is told");
            });
        }
    }
}

#[test]
fn a_holder_that_failed_before_its_commit_says_not_stored() {
    for (call, refusal) in [("sync tmp/", Refusal::DiskFailed), ("sync_dir tmp", Refusal::DiskFailed)] {
        run(async move {
            let (network, disk) = (Network::default(), FaultDisk::new(&SimDisk::new(), None));
            let pair = network.pair_on(SimDisk::new(), disk.clone()).await;
            disk.arm(call, Fault::Error(io::ErrorKind::Other));
            let outcome = put_outcome(&pair.owner.handle(), "a", vec![1; 22]).await;
            assert_eq!(outcome, Err(ReplicaError::Refused(refusal)), "{call}");
            let told = failures(&network);
            assert!(matches!(&told[..], [Event::DiskFailed { reason, .. }] if reason.contains("tmp")), "{told:?}");
            // What fails again and again is told again once something was kept.
            for (count, fault) in [(1, true), (1, false), (2, true)] {
                if fault {
                    disk.arm(call, Fault::Error(io::ErrorKind::Other));
                }
                assert_eq!(put_outcome(&pair.owner.handle(), "b", vec![1; 22]).await.is_err(), fault, "{call}");
                assert_eq!(failures(&network).len(), count, "{call}");
            }
        });
    }
}

/// Returns what the holder has told of its disk.
fn failures(network: &Network) -> Vec<Event> {
    let is_failure = |event: &&Event| matches!(event, Event::DiskFailed { .. } | Event::DiskFilled { .. });
    network.events.borrow().iter().filter(is_failure).cloned().collect()
}

#[test]
fn a_replica_that_was_committed_is_served_though_its_rename_failed() {
    for len in SMALL_AND_LARGE {
        for overwrites in [false, true] {
            for fault in [Fault::Error(io::ErrorKind::Other), Fault::ErrorAfter(io::ErrorKind::Other)] {
                run(async move {
                    let (network, disk) = (Network::default(), FaultDisk::new(&SimDisk::new(), None));
                    let pair = network.pair_on(SimDisk::new(), disk.clone()).await;
                    let owner = pair.owner.handle();
                    if overwrites {
                        assert_eq!(put_outcome(&owner, "a", vec![1; len]).await, Ok(()));
                    }
                    disk.arm("rename tmp/", fault);
                    assert!(put_outcome(&owner, "a", vec![2; len]).await.is_err());
                    owner.delete(&key("a")).await.expect("deleted");
                    assert!(get(&owner, "a").await == vec![2; len], "{len} bytes, {fault:?}");
                });
            }
        }
    }
}

/// In between, the holder has committed to the newer version while the older bytes still have the name.
#[test]
fn an_overwrite_on_its_way_to_the_disk_is_not_taken_for_damage() {
    for len in SMALL_AND_LARGE {
        for offset in 0..8 {
            run(async move {
                let (network, disk) = (Network::default(), SimDisk::new());
                let pair = network.pair(&SimDisk::new(), &disk).await;
                let owner = pair.owner.handle();
                assert_eq!(put_outcome(&owner, "a", vec![1; len]).await, Ok(()));
                disk.set_delay(Some(Duration::from_millis(40)));
                let storing = owner.clone();
                let storing = tokio::task::spawn_local(async move { put(&storing, "a", vec![2; len]).await });
                tokio::time::sleep(Duration::from_millis(offset * 5)).await;
                while !storing.is_finished() {
                    let deleted = owner.delete(&key("a")).await;
                    assert!(matches!(deleted, Ok(()) | Err(DeleteError::NotFound)), "{deleted:?}");
                    // While the owner has the newer version and the holder does not, the holder's answer is stale.
                    let got = owner.get(&key("a")).await;
                    let is_fine = matches!(&got, Ok(_) | Err(GetError::Stale { .. }));
                    assert!(is_fine, "{len} bytes, {offset}: {got:?}");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                assert_eq!(storing.await.expect("no panic").replicas(), 1);
                drop(owner.delete(&key("a")).await);
                assert!(get(&owner, "a").await == vec![2; len]);
            });
        }
    }
}

#[test]
fn a_large_replica_is_not_sent_before_its_owner_proceeds() {
    run(async {
        let network = Network::default();
        let _holder = network.start(3000, &SimDisk::new(), &[]).await;
        let owner = ScriptedPeer::new(0xee);
        let mut link = owner.asking(&network, 3000).await.expect("linked");
        let replica = Replica::unsealed(owner.node(), ReplicaName([7; 16]), Version(1), vec![5; 100_016]);
        let answer = store_at(&mut link, &replica).await;
        assert_eq!(answer.expect("answered"), Message::Stored);
        let question = Message::GetFile { owner: owner.node(), replica_name: replica.replica_name };
        send(&mut link, &question).await.expect("sent");
        assert_eq!(read_message(&mut link).await.expect("answered"), Message::Found(replica.seal));
        let early = timeout(Duration::from_secs(1), link.read_u8()).await;
        assert!(early.is_err(), "nobody has asked for the content: {early:?}");
        send(&mut link, &Message::Proceed).await.expect("sent");
        read_stream_header(&mut link, 100_016).await.expect("the content follows");
        assert!(receive(&mut link, 100_016).await.expect("whole") == replica.bytes);
    });
}

/// Returns whether the node answers a question of this peer.
async fn is_served(link: &mut Link, peer: &ScriptedPeer) -> bool {
    let question = Message::GetFile { owner: peer.node(), replica_name: ReplicaName([7; 16]) };
    send(link, &question).await.is_ok() && matches!(read_message(link).await, Ok(Message::NotFound))
}

#[test]
fn one_member_gets_its_share_of_the_connections_and_no_more() {
    run(async {
        let network = Network::default();
        let _holder = network.start(3000, &SimDisk::new(), &[]).await;
        let (greedy, modest) = (ScriptedPeer::new(0xee), ScriptedPeer::new(0xdd));
        let mut links = Vec::new();
        for _ in 0..INBOUND_PER_PEER_MAX {
            links.push(greedy.asking(&network, 3000).await.expect("within its share"));
        }
        for _ in 0..3 {
            assert!(matches!(greedy.asking(&network, 3000).await, Err(LinkError::Full)));
        }
        let mut link = modest.asking(&network, 3000).await.expect("the other peer has a share of its own");
        assert!(is_served(&mut link, &modest).await);
        for link in &mut links {
            assert!(is_served(link, &greedy).await);
        }
        links.pop();
        tokio::time::sleep(Duration::from_secs(1)).await;
        links.push(greedy.asking(&network, 3000).await.expect("a connection was given back"));
        assert!(matches!(greedy.asking(&network, 3000).await, Err(LinkError::Full)));
    });
}

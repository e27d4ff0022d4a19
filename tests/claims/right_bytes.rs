//! A `get` gives the bytes that were stored last, or an error: whether a peer makes bytes up, mixes files up, breaks
//! off or kept an older version, and whatever happens to the local copy while it is read.

use std::time::Duration;

use dacapo::crypto::{Digest, ReplicaName};
use dacapo::disk::Disk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::{Content, GetError, Handle, ReadError, ReplicaError};
use dacapo::protocol::{Purpose, read_message};
use dacapo_sim::disk::SimDisk;

use crate::support::in_memory::{Network, connected, files_below, get, key, put, run, stop};
use crate::support::scripted_peer::{Replica, ScriptedPeer, heartbeat, send};

/// The lengths of a file whose content follows the answer at once, and of one whose content the owner has to ask for.
const SMALL_AND_LARGE: [usize; 2] = [22, 600_000];

/// Gives the replica of another file. Its seal is one that the owner made, for another name.
fn mixed_up(held: &[Replica], asked: ReplicaName) -> Option<Replica> {
    held.iter().find(|replica| replica.replica_name != asked).cloned()
}

/// Gives other bytes of the same length, under a seal with their digest.
fn made_up(held: &[Replica], asked: ReplicaName) -> Option<Replica> {
    let mut replica = held.iter().find(|replica| replica.replica_name == asked)?.clone();
    replica.bytes[20] ^= 1;
    replica.seal.digest = Digest(*blake3::hash(&replica.bytes).as_bytes());
    Some(replica)
}

/// Gives the first half of the bytes.
fn broken_off(held: &[Replica], asked: ReplicaName) -> Option<Replica> {
    let mut replica = held.iter().find(|replica| replica.replica_name == asked)?.clone();
    replica.bytes.truncate(replica.bytes.len() / 2);
    Some(replica)
}

/// Stores two files, which go to a scripted peer, deletes one locally, and gets it from that peer.
async fn get_from(give: fn(&[Replica], ReplicaName) -> Option<Replica>, len: usize) -> (Handle, SimDisk, GetError) {
    let (network, disk) = (Network::default(), SimDisk::new());
    let held = ScriptedPeer::new(0xee).hold(&network, 7000, give);
    let node = network.start(5000, &disk, &[7000]).await;
    let origin = node.handle();
    connected(&origin, 1).await;
    for (name, byte) in [("a", 1), ("b", 2)] {
        assert_eq!(put(&origin, name, vec![byte; len]).await.replicas(), 1);
    }
    assert_eq!(held.borrow().len(), 2);
    origin.delete(&key("a")).await.expect("deleted");
    let error = origin.get(&key("a")).await.expect_err("the peer does not give what was stored");
    assert!(!origin.stat(&key("a")).await.expect("known").is_local, "no wrong byte is kept as the local copy");
    // The node runs on while the caller uses its handle.
    tokio::task::spawn_local(node.stopped());
    (origin, disk, error)
}

#[test]
fn a_seal_that_the_owner_did_not_make_for_that_name_is_refused() {
    for len in SMALL_AND_LARGE {
        for give in [mixed_up, made_up] {
            let (.., error) = run(get_from(give, len));
            assert!(matches!(error, GetError::Damaged { damaged: 1, unreachable: 0 }), "{len} bytes: {error:?}");
        }
    }
}

#[test]
fn a_replica_that_breaks_off_leaves_no_temporary_file() {
    for len in SMALL_AND_LARGE {
        run(async move {
            let (_origin, disk, error) = get_from(broken_off, len).await;
            let is_one = matches!(&error, GetError::Unreachable { unasked, .. } if unasked.len() == 1);
            assert!(is_one, "{len} bytes: {error:?}");
            assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new(), "{len} bytes");
        });
    }
}

#[test]
fn a_peer_that_was_away_during_an_overwrite_is_not_believed() {
    for len in SMALL_AND_LARGE {
        run(async move {
            let network = Network::default();
            let disks = [SimDisk::new(), SimDisk::new(), SimDisk::new()];
            let newer = network.start(3000, &disks[0], &[]).await;
            let older = network.start(7000, &disks[1], &[]).await;
            let node = network.start(5000, &disks[2], &[3000, 7000]).await;
            let origin = node.handle();
            connected(&origin, 2).await;
            assert_eq!(put(&origin, "a", vec![1; len]).await.replicas(), 2);
            stop(older).await;
            connected(&origin, 1).await;
            assert_eq!(put(&origin, "a", vec![2; len]).await.replicas(), 1);
            origin.delete(&key("a")).await.expect("deleted");
            stop(newer).await;
            connected(&origin, 0).await;
            let _older = network.start(7000, &disks[1], &[]).await;
            connected(&origin, 1).await;
            let got = origin.get(&key("a")).await;
            assert!(matches!(got, Err(GetError::Stale { stale: 1, unreachable: 1 })), "{len} bytes: {got:?}");
            let _newer = network.start(3000, &disks[0], &[]).await;
            connected(&origin, 2).await;
            assert!(get(&origin, "a").await == vec![2; len]);
        });
    }
}

/// A peer says that it listens on the port of another node.
#[test]
fn a_node_at_the_address_of_a_peer_is_not_taken_for_it() {
    run(async {
        let network = Network::default();
        let (bystander, disk) = (SimDisk::new(), SimDisk::new());
        let _bystander = network.start(7000, &bystander, &[]).await;
        let node = network.start(5000, &disk, &[]).await;
        let origin = node.handle();
        let peer = ScriptedPeer::new(0xee);
        let peer_id = peer.node();
        let mut control = peer.dial(&network, 5000, 7000, Purpose::Control).await.expect("linked");
        tokio::task::spawn_local(async move {
            while send(&mut control, &heartbeat(None)).await.is_ok() {
                drop(read_message(&mut control).await);
            }
        });
        connected(&origin, 1).await;
        let stored = put(&origin, "a", vec![1; 22]).await;
        let [receipt] = stored.receipts.as_slice() else { panic!("{stored:?}") };
        assert_eq!(receipt.peer, peer_id);
        assert!(matches!(receipt.outcome, Err(ReplicaError::Unreachable { .. })), "{receipt:?}");
        assert_eq!(files_below(&bystander, &origin.node().to_string()), Vec::<String>::new());
        origin.delete(&key("a")).await.expect("deleted");
        let got = origin.get(&key("a")).await;
        let Err(GetError::Unreachable { unasked, .. }) = got else { panic!("{got:?}") };
        assert_eq!(unasked.iter().map(|unasked| unasked.peer).collect::<Vec<_>>(), [Some(peer_id)]);
    });
}

#[test]
fn a_local_copy_that_is_damaged_while_it_is_read_never_ends_as_a_whole() {
    const CHUNKS: usize = 12;
    let len = CHUNKS * CHUNK_BYTES;
    for position in [len / 2, len - CHUNK_BYTES, len - 1] {
        run(async move {
            let (network, disk) = (Network::default(), SimDisk::new());
            let node = network.start(5000, &disk, &[]).await;
            let origin = node.handle();
            let content: Vec<u8> = (0..=250).cycle().take(len).collect();
            put(&origin, "a", content.clone()).await;
            let mut fetched = origin.get(&key("a")).await.expect("verified");
            let mut read = fetched.chunk().await.expect("readable").expect("the first chunk").to_vec();
            // The reading task fills its queue and waits.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let path = files_below(&disk, &origin.node().to_string()).pop().expect("the local copy");
            disk.corrupt(&path, position as u64).expect("the byte is there");
            let end = loop {
                match fetched.chunk().await {
                    Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                    end => break end,
                }
            };
            assert!(matches!(end, Err(ReadError::Damaged)), "a bit at {position}: {end:?}");
            assert!(read.len() < len, "the caller got as many bytes as the file has");
            let again = origin.get(&key("a")).await;
            assert!(matches!(again, Err(GetError::Damaged { damaged: 1, .. })), "{again:?}");
            // After another store the copy is good, and is read to its end.
            origin.store(&key("a"), Content::bytes(content.clone())).await.expect("stored");
            assert!(get(&origin, "a").await == content);
        });
    }
}

/// Gives the oldest version that the peer was sent.
fn oldest(held: &[Replica], asked: ReplicaName) -> Option<Replica> {
    held.iter().find(|replica| replica.replica_name == asked).cloned()
}

/// Gives the newest version that the peer was sent, with a wrong byte at its end.
fn newest_damaged(held: &[Replica], asked: ReplicaName) -> Option<Replica> {
    let mut replica = held.iter().rfind(|replica| replica.replica_name == asked)?.clone();
    *replica.bytes.last_mut()? ^= 1;
    Some(replica)
}

/// Without its catalog a node does not know which version is the newest, but a seal of its own proves that the version
/// exists.
#[test]
fn no_older_version_stands_in_for_a_newer_one_that_is_proved_and_damaged() {
    for len in SMALL_AND_LARGE {
        let error = run(async move {
            let (network, disk) = (Network::default(), SimDisk::new());
            ScriptedPeer::new(0xee).hold(&network, 7000, newest_damaged);
            ScriptedPeer::new(0xef).hold(&network, 7001, oldest);
            let node = network.start(5000, &disk, &[7000, 7001]).await;
            connected(&node.handle(), 2).await;
            for byte in [1, 2] {
                assert_eq!(put(&node.handle(), "a", vec![byte; len]).await.replicas(), 2);
            }
            node.handle().delete(&key("a")).await.expect("deleted");
            stop(node).await;
            disk.boot().remove(&dacapo::store::layout::catalog()).expect("removed");
            let node = network.start(5000, &disk, &[7000, 7001]).await;
            connected(&node.handle(), 2).await;
            node.handle().get(&key("a")).await.expect_err("the newest version is damaged")
        });
        assert!(matches!(error, GetError::Damaged { damaged: 1, unreachable: 0 }), "{len} bytes: {error:?}");
    }
}

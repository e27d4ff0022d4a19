//! A `get` gives the bytes that were stored last, or an error: whatever a peer makes up, mixes up, breaks off or
//! kept from before, and whatever happens to the local copy while it is read.

#[path = "support/member.rs"]
mod member;
#[path = "support/network.rs"]
mod network;

use std::time::Duration;

use dacapo::crypto::{Digest, HashedKey};
use dacapo::disk::Disk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::{Content, GetError, Handle, ReadError, ReplicaError};
use dacapo::protocol::{Message, Purpose, read_message};
use dacapo_sim::disk::SimDisk;
use member::{Member, Replica};
use network::{Network, connected, files_below, get, key, put, run, stop};

/// One file that comes with the answer of a peer, and one that is asked for.
const SMALL_AND_LARGE: [usize; 2] = [22, 600_000];

/// The replica of another file: its seal is the owner's own, for another name.
fn mixed_up(held: &[Replica], asked: HashedKey) -> Option<Replica> {
    held.iter().find(|replica| replica.hashed != asked).cloned()
}

/// Other bytes of the same length, and a seal that has their digest.
fn made_up(held: &[Replica], asked: HashedKey) -> Option<Replica> {
    let mut replica = held.iter().find(|replica| replica.hashed == asked)?.clone();
    replica.bytes[20] ^= 1;
    replica.seal.digest = Digest(*blake3::hash(&replica.bytes).as_bytes());
    Some(replica)
}

/// The first half.
fn broken_off(held: &[Replica], asked: HashedKey) -> Option<Replica> {
    let mut replica = held.iter().find(|replica| replica.hashed == asked)?.clone();
    replica.bytes.truncate(replica.bytes.len() / 2);
    Some(replica)
}

/// Stores two files at a member, deletes one, and asks for it.
async fn asked_of(give: fn(&[Replica], HashedKey) -> Option<Replica>, len: usize) -> (Handle, SimDisk, GetError) {
    let (network, disk) = (Network::default(), SimDisk::new());
    let held = Member::new(&network, 0xee).hold(7000, give);
    let node = network.start(5000, &disk, &[7000]).await;
    let origin = node.handle();
    connected(&origin, 1).await;
    for (name, byte) in [("a", 1), ("b", 2)] {
        assert_eq!(put(&origin, name, vec![byte; len]).await.replicas(), 1);
    }
    assert_eq!(held.borrow().len(), 2);
    origin.delete(&key("a")).await.expect("deleted");
    let error = origin.get(&key("a")).await.expect_err("not what was stored");
    assert!(!origin.stat(&key("a")).await.expect("known").is_local, "nothing is kept");
    // The node goes on while its handle is used.
    tokio::task::spawn_local(node.stopped());
    (origin, disk, error)
}

#[test]
fn a_seal_that_the_owner_did_not_make_for_that_name_is_refused() {
    for len in SMALL_AND_LARGE {
        for give in [mixed_up, made_up] {
            let (.., error) = run(asked_of(give, len));
            assert!(matches!(error, GetError::Damaged { damaged: 1, unreachable: 0 }), "{len} bytes: {error:?}");
        }
    }
}

#[test]
fn a_replica_that_breaks_off_leaves_no_temporary_file() {
    for len in SMALL_AND_LARGE {
        run(async move {
            let (_origin, disk, error) = asked_of(broken_off, len).await;
            assert!(matches!(error, GetError::Unreachable { unreachable: 1, .. }), "{len} bytes: {error:?}");
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

/// A member says that it listens where another node does.
#[test]
fn a_node_at_the_address_of_a_peer_is_not_taken_for_it() {
    run(async {
        let network = Network::default();
        let (bystander, disk) = (SimDisk::new(), SimDisk::new());
        let _bystander = network.start(7000, &bystander, &[]).await;
        let node = network.start(5000, &disk, &[]).await;
        let origin = node.handle();
        let member = Member::new(&network, 0xee);
        let mut control = member.dial(5000, 7000, Purpose::Control).await.expect("linked");
        tokio::task::spawn_local(async move {
            while member::send(&mut control, &Message::Heartbeat { held: None }).await.is_ok() {
                drop(read_message(&mut control).await);
            }
        });
        connected(&origin, 1).await;
        let stored = put(&origin, "a", vec![1; 22]).await;
        let [receipt] = stored.receipts.as_slice() else { panic!("{stored:?}") };
        assert_eq!(receipt.peer, member.node());
        assert!(matches!(receipt.outcome, Err(ReplicaError::Unreachable { .. })), "{receipt:?}");
        assert_eq!(files_below(&bystander, &origin.node().to_string()), Vec::<String>::new());
        origin.delete(&key("a")).await.expect("deleted");
        let got = origin.get(&key("a")).await;
        assert!(matches!(got, Err(GetError::Unreachable { unreachable: 1, .. })), "{got:?}");
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
            assert!(read.len() < len, "all of the wrong bytes were handed over");
            let again = origin.get(&key("a")).await;
            assert!(matches!(again, Err(GetError::Damaged { damaged: 1, .. })), "{again:?}");
            // A good copy is read to its end all the same.
            origin.store(&key("a"), Content::bytes(content.clone())).await.expect("stored");
            assert!(get(&origin, "a").await == content);
        });
    }
}

/// Gives the first version that it was given.
fn oldest(held: &[Replica], asked: HashedKey) -> Option<Replica> {
    held.iter().find(|replica| replica.hashed == asked).cloned()
}

/// Gives the newest version, with a wrong byte at its end.
fn newest_damaged(held: &[Replica], asked: HashedKey) -> Option<Replica> {
    let mut replica = held.iter().rfind(|replica| replica.hashed == asked)?.clone();
    *replica.bytes.last_mut()? ^= 1;
    Some(replica)
}

/// Without its catalog a node does not know which version is the newest, but its own seal of one proves that it exists.
#[test]
fn no_older_version_stands_in_for_a_newer_one_that_is_proved_and_damaged() {
    for len in SMALL_AND_LARGE {
        let error = run(async move {
            let (network, disk) = (Network::default(), SimDisk::new());
            Member::new(&network, 0xee).hold(7000, newest_damaged);
            Member::new(&network, 0xef).hold(7001, oldest);
            let node = network.start(5000, &disk, &[7000, 7001]).await;
            connected(&node.handle(), 2).await;
            for byte in [1, 2] {
                assert_eq!(put(&node.handle(), "a", vec![byte; len]).await.replicas(), 2);
            }
            node.handle().delete(&key("a")).await.expect("deleted");
            node.handle().stop().await;
            node.stopped().await.expect("no panic");
            disk.boot().remove(&dacapo::store::layout::catalog()).expect("removed");
            let node = network.start(5000, &disk, &[7000, 7001]).await;
            connected(&node.handle(), 2).await;
            node.handle().get(&key("a")).await.expect_err("the newest version is damaged")
        });
        assert!(matches!(error, GetError::Damaged { damaged: 1, unreachable: 0 }), "{len} bytes: {error:?}");
    }
}

//! Calls on one key at the same time: those that change the file follow each other, the store that ends last counts,
//! and a store that waits for its content holds up no other call.

use std::time::Duration;

use dacapo::crypto::Version;
use dacapo::node::{Content, DeleteError, GetError, Handle, Lane, ReplicaError, StoreError, Stored};
use dacapo::protocol::Refusal;
use dacapo::seed::{Rng, Seed};
use dacapo_sim::disk::SimDisk;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{Network, Pair, files_below, get, key, put, run};

const SECOND: Duration = Duration::from_secs(1);

/// Starts an owner and a holder. Returns the owner, both disks, and the nodes, which run until they are dropped.
async fn pair() -> (Handle, [SimDisk; 2], Pair) {
    let disks = [SimDisk::new(), SimDisk::new()];
    let pair = Network::default().pair(&disks[0], &disks[1]).await;
    (pair.owner.handle(), disks, pair)
}

/// Makes the disks slow and fast by turns, so that one call overtakes another.
fn shake(disks: [SimDisk; 2], seed: u64) {
    let mut lane = Seed::from_u64(seed).rng(Lane::Backoff);
    tokio::task::spawn_local(async move {
        loop {
            for disk in &disks {
                disk.set_delay(Some(Duration::from_millis(lane.next_u64() % 20)));
            }
            sleep(Duration::from_millis(lane.next_u64() % 10 + 1)).await;
        }
    });
}

/// Returns the content of one store. Its bytes tell which store it was.
fn content(byte: u8) -> Vec<u8> {
    vec![byte; 1000 + usize::from(byte % 4) * 200_000]
}

async fn store(owner: &Handle, byte: u8) -> Version {
    let stored = put(owner, "a", content(byte)).await;
    for receipt in &stored.receipts {
        // A newer store may reach the holder first.
        let is_fine = matches!(receipt.outcome, Ok(()) | Err(ReplicaError::Refused(Refusal::Stale { .. })));
        assert!(is_fine, "{receipt:?}");
    }
    stored.version
}

async fn look(owner: &Handle) {
    match owner.get(&key("a")).await {
        Ok(fetched) => {
            let bytes = fetched.read_all().await.expect("readable");
            assert!(bytes == content(bytes[0]), "{} bytes that begin with {}", bytes.len(), bytes[0]);
        }
        // The local copy is deleted, and the replica is still on its way to the holder.
        Err(GetError::NotFound { .. } | GetError::NoCopy { .. } | GetError::Stale { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn delete(owner: &Handle) {
    match owner.delete(&key("a")).await {
        Ok(()) | Err(DeleteError::NotFound) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn calls_on_one_key_at_once_do_not_mix() {
    for seed in 0..12 {
        run(async move {
            let (owner, disks, _nodes) = pair().await;
            shake(disks, seed);
            let mut lane = Seed::from_u64(seed).rng(Lane::Iv);
            let mut calls = Vec::new();
            for byte in 1..40 {
                let (owner, after) = (owner.clone(), Duration::from_millis(lane.next_u64() % 300));
                calls.push(tokio::task::spawn_local(async move {
                    sleep(after).await;
                    match byte % 3 {
                        0 => return Some((store(&owner, byte).await, byte)),
                        1 => look(&owner).await,
                        _ => delete(&owner).await,
                    }
                    None
                }));
            }
            let mut newest = None;
            for call in calls {
                newest = newest.max(call.await.expect("no call fails"));
            }
            let (_, byte) = newest.expect("some of the calls are stores");
            assert!(get(&owner, "a").await == content(byte), "seed {seed}: the local copy");
            delete(&owner).await;
            assert!(get(&owner, "a").await == content(byte), "seed {seed}: the replica");
        });
    }
}

/// A store that has received half of its content, and gets the rest when the test says so.
struct Begun {
    content: DuplexStream,
    call: JoinHandle<Result<Stored, StoreError>>,
}

const LEN: usize = 400_000;

async fn begin(owner: &Handle, is_size_known: bool, byte: u8) -> Begun {
    let (mut content, reader) = duplex(2 * LEN);
    content.write_all(&vec![byte; LEN / 2]).await.expect("buffered");
    let owner = owner.clone();
    let call = tokio::task::spawn_local(async move {
        let size = is_size_known.then_some(LEN as u64);
        owner.store(&key("a"), Content::reader(reader, size)).await
    });
    sleep(SECOND).await;
    Begun { content, call }
}

async fn finish(begun: Begun, byte: u8) -> Stored {
    let Begun { mut content, call } = begun;
    content.write_all(&vec![byte; LEN / 2]).await.expect("buffered");
    drop(content);
    call.await.expect("no panic").expect("stored")
}

#[test]
fn a_store_that_waits_for_its_content_keeps_nobody_waiting() {
    for is_size_known in [true, false] {
        run(async move {
            let (owner, _, _nodes) = pair().await;
            put(&owner, "a", vec![1; 22]).await;
            let begun = begin(&owner, is_size_known, 2).await;
            for _ in 0..2 {
                let old = timeout(SECOND, get(&owner, "a")).await.expect("a get does not wait");
                assert_eq!(old, [1; 22]);
                let deleted = timeout(SECOND, owner.delete(&key("a"))).await.expect("a delete does not wait");
                deleted.expect("deleted");
            }
            finish(begun, 2).await;
            assert!(get(&owner, "a").await == vec![2; LEN]);
        });
    }
}

#[test]
fn of_two_stores_that_overlap_the_one_that_ends_last_counts() {
    for is_size_known in [true, false] {
        run(async move {
            let (owner, disks, _nodes) = pair().await;
            let begun = begin(&owner, is_size_known, 1).await;
            let first = timeout(SECOND, put(&owner, "a", vec![2; 22])).await.expect("the other store does not wait");
            let last = finish(begun, 1).await;
            assert!(last.version > first.version && last.replicas() == 1, "{last:?}");
            assert!(get(&owner, "a").await == [1; LEN], "the local copy");
            owner.delete(&key("a")).await.expect("deleted");
            assert!(get(&owner, "a").await == [1; LEN], "the replica");
            for disk in &disks {
                assert_eq!(files_below(disk, "tmp"), Vec::<String>::new());
            }
        });
    }
}

#[test]
fn a_store_that_ends_after_a_deletion_counts() {
    for is_size_known in [true, false] {
        run(async move {
            let (owner, disks, _nodes) = pair().await;
            let old = put(&owner, "a", vec![1; 22]).await;
            let begun = begin(&owner, is_size_known, 2).await;
            owner.delete_version_everywhere(&key("a"), old.version).await.expect("deleted");
            assert_eq!(finish(begun, 2).await.replicas(), 1);
            assert!(get(&owner, "a").await == [2; LEN], "the local copy");
            owner.delete(&key("a")).await.expect("deleted");
            assert!(get(&owner, "a").await == [2; LEN], "the replica");
            for disk in &disks {
                assert_eq!(files_below(disk, "tmp"), Vec::<String>::new());
            }
        });
    }
}

#[test]
fn a_store_whose_caller_has_gone_is_given_up() {
    for is_size_known in [true, false] {
        run(async move {
            let (owner, disks, _nodes) = pair().await;
            put(&owner, "a", vec![1; 22]).await;
            let begun = begin(&owner, is_size_known, 2).await;
            assert_eq!(files_below(&disks[0], "tmp").len(), 1, "the store has begun");
            begun.call.abort();
            sleep(SECOND).await;
            for disk in &disks {
                assert_eq!(files_below(disk, "tmp"), Vec::<String>::new());
            }
            assert_eq!(get(&owner, "a").await, [1; 22]);
            drop(begun.content);
        });
    }
}

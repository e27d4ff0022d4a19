//! No two replicas share an IV, and no two seals do: not of two files, nor of two versions, nor of two starts, nor of
//! two copies of a process that run on from one snapshot of its memory.

use std::collections::BTreeSet;

use dacapo::crypto::IV_BYTES;
use dacapo::node::{Content, GetError, Node, StoreError, StoreFault};
use dacapo::platform::Entropy;
use dacapo_sim::disk::SimDisk;

use crate::support::in_memory::{Network, connected, files_below, key, put, run, stop};
use crate::support::scripted_peer::ScriptedPeer;

#[test]
fn no_two_replicas_share_an_iv() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let held = ScriptedPeer::new(0xee).hold(&network, 7000, |_, _| None);
        for _start in 0..4 {
            let node = network.start(5000, &disk, &[7000]).await;
            connected(&node.handle(), 1).await;
            for _version in 0..3 {
                for name in ["a", "b", "c", "d"] {
                    assert_eq!(put(&node.handle(), name, vec![1; 100]).await.replicas(), 1);
                }
                assert_eq!(put(&node.handle(), "e", vec![1; 100_000]).await.replicas(), 1);
            }
            stop(node).await;
        }
        let held = held.borrow();
        let distinct = |of: &dyn Fn(usize) -> Vec<u8>| (0..held.len()).map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(held.len(), 60);
        assert_eq!(distinct(&|index| held[index].bytes[..IV_BYTES].to_vec()), 60, "IVs of content");
        assert_eq!(distinct(&|index| held[index].bytes[IV_BYTES..].to_vec()), 60, "sealed content");
        assert_eq!(distinct(&|index| held[index].seal.metadata.as_bytes()[..IV_BYTES].to_vec()), 60, "IVs of metadata");
    });
}

async fn start_with(network: &Network, disk: &SimDisk, entropy: Option<[u8; 32]>) -> Node {
    network.try_start_with(entropy.map(Entropy), 5000, disk.boot().into(), &[7000]).await.expect("it starts")
}

/// Returns the IVs of contents and of metadata that a copy of one process draws with this entropy.
fn ivs_with(entropy: [u8; 32]) -> BTreeSet<Vec<u8>> {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let held = ScriptedPeer::new(0xee).hold(&network, 7000, |_, _| None);
        let node = start_with(&network, &disk, Some(entropy)).await;
        connected(&node.handle(), 1).await;
        for name in ["a", "b", "c"] {
            assert_eq!(put(&node.handle(), name, vec![entropy[0]; 100]).await.replicas(), 1);
        }
        stop(node).await;
        let held = held.borrow();
        let of_metadata = held.iter().map(|replica| replica.seal.metadata.as_bytes()[..IV_BYTES].to_vec());
        held.iter().map(|replica| replica.bytes[..IV_BYTES].to_vec()).chain(of_metadata).collect()
    })
}

#[test]
fn copies_of_one_process_with_other_entropy_share_no_iv() {
    let [first, second, same] = [[1; 32], [2; 32], [1; 32]].map(ivs_with);
    assert_eq!((first.len(), second.len()), (6, 6));
    assert!(first.is_disjoint(&second));
    assert_eq!(first, same, "nothing else tells the copies apart");
}

#[test]
fn without_entropy_a_store_is_rejected_and_leaves_nothing() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let node = start_with(&network, &disk, None).await;
        for content in [Content::bytes(vec![1; 100]), Content::reader(&[1; 100][..], None)] {
            let stored = node.handle().store(&key("a"), content).await;
            assert!(matches!(stored, Err(StoreError::Rejected(StoreFault::NoEntropy(_)))), "{stored:?}");
        }
        assert!(matches!(
            node.handle().get(&key("a")).await,
            Err(GetError::Unreachable { .. } | GetError::NotFound { .. })
        ));
        assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new());
        stop(node).await;
    });
}

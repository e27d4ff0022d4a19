//! No two replicas share an IV, and no two seals do: not of two files, nor of two versions, nor of two starts.

use std::collections::BTreeSet;

use dacapo::crypto::IV_BYTES;
use dacapo_sim::disk::SimDisk;

use crate::support::in_memory::{Network, connected, put, run, stop};
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

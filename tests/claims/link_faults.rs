//! The faults of connections: the wrapper that a simulation uses, around the transport that ships or one in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dacapo::node::{Content, Handle, Lane, Node};
use dacapo::seed::Seed;
use dacapo::transport::tcp::Tcp;
use dacapo::transport::{Address, Transport};
use dacapo_sim::links::{FaultTransport, Links, Trouble};
use dacapo_sim::store::walkthrough::scripted::node_seed;
use dacapo_sim::store::walkthrough::star::{self, key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::in_memory::{HOLDER, Network, run};
use crate::support::real;

/// An origin that dials one peer over links with faults.
struct Pair {
    links: Links,
    origin: Node,
    peer: Node,
    _dirs: [tempfile::TempDir; 2],
}

/// Starts a node whose links have the number `own` on this side.
async fn node(links: &Links, own: usize, directory: &Path, peers: Vec<Address>) -> Node {
    let hosts: BTreeMap<_, _> = peers.iter().map(|peer| (peer.to_string(), 1)).collect();
    let transport = FaultTransport::new(Tcp, links.clone(), own, Rc::new(hosts));
    real::start(transport, directory, peers, node_seed(1, &format!("n{own}"), 0)).await.0
}

async fn pair() -> Pair {
    let links = Links::new(Seed::from_u64(1).rng(Lane::Backoff));
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let peer = node(&links, 1, dirs[1].path(), Vec::new()).await;
    let address = peer.handle().address().into();
    let origin = node(&links, 0, dirs[0].path(), vec![address]).await;
    star::connected(&origin.handle(), 1).await;
    Pair { links, origin, peer, _dirs: dirs }
}

impl Pair {
    fn origin(&self) -> Handle {
        self.origin.handle()
    }

    /// Stores a file until the peer has it, since a fault that has ended may not have been noticed yet. Then deletes
    /// the file and gets it back.
    async fn recovers(&self, index: usize) {
        let content = vec![7; 70_000];
        loop {
            star::connected(&self.origin(), 1).await;
            let stored = self.origin().store(&key(index), Content::bytes(content.clone())).await.expect("stored");
            if stored.replicas() == 1 {
                break;
            }
        }
        self.origin().delete(&key(index)).await.expect("deleted");
        let back = self.origin().get(&key(index)).await.expect("found").read_all().await.expect("read");
        assert!(back == content);
    }

    async fn stop(self) {
        for node in [self.origin, self.peer] {
            node.handle().stop().await;
            node.stopped().await.expect("no panic");
        }
    }
}

#[test]
fn a_reset_a_wrong_bit_and_short_reads_are_survived() {
    real::run(async {
        let pair = pair().await;
        pair.recovers(0).await;
        pair.links.cut_open_connections(0, 1);
        pair.recovers(1).await;
        for (from, to) in [(0, 1), (1, 0)] {
            pair.links.corrupt_next(from, to);
            pair.recovers(2).await;
        }
        for way in [(0, 1), (1, 0)] {
            pair.links.begin(way.0, way.1, Trouble::Short);
        }
        pair.recovers(3).await;
        pair.links.mend_all();
        pair.stop().await;
    });
}

#[test]
fn a_peer_that_refuses_and_stalls_is_told_apart_from_one_that_has_nothing() {
    real::run(async {
        let pair = pair().await;
        pair.links.begin(0, 1, Trouble::Refuse);
        pair.links.cut_open_connections(0, 1);
        while pair.origin().peers().await.iter().any(|peer| peer.is_connected) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stored = pair.origin().store(&key(0), Content::bytes("alone")).await.expect("stored");
        assert_eq!(stored.receipts, [], "no peer is connected");
        let missing = pair.origin().get(&key(1)).await.expect_err("the file was never stored");
        let peer = pair.origin().peers().await[0].peer.expect("it was connected").short();
        let expected = format!("not found so far: 1 of 1 peer could not be asked: {peer} (it is away)");
        assert_eq!(missing.to_string(), expected);
        pair.links.end(0, 1, Trouble::Refuse);
        pair.recovers(1).await;
        pair.links.begin(1, 0, Trouble::Stall);
        let waiting = tokio::task::spawn_local({
            let origin = pair.origin();
            async move { origin.store(&key(2), Content::bytes(vec![1; 100])).await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished(), "the peer's answer is on its way");
        pair.links.end(1, 0, Trouble::Stall);
        assert_eq!(waiting.await.expect("no panic").expect("stored").replicas(), 1);
        pair.stop().await;
    });
}

#[test]
fn a_link_that_trickles_lets_so_many_bytes_pass_in_a_second_each_way() {
    run(async {
        let (network, links) = (Network::default(), Links::new(Seed::from_u64(1).rng(Lane::Backoff)));
        let address: Address = format!("host:{HOLDER}").parse().expect("an address");
        let hosts = Rc::new(BTreeMap::from([(address.to_string(), 1)]));
        let mut arrived = network.listen(HOLDER);
        let mut near = FaultTransport::new(network, links.clone(), 0, hosts).connect(&address).await.expect("dialled");
        let (mut far, _) = arrived.recv().await.expect("it arrives");
        links.begin(0, 1, Trouble::Trickle(1000));
        links.begin(1, 0, Trouble::Trickle(500));
        let begun = Instant::now();
        let (mut there, mut back) = ([0; 3000], [0; 1500]);
        near.write_all(&[7; 3000]).await.expect("taken");
        far.read_exact(&mut there).await.expect("it arrives");
        assert_eq!((there, begun.elapsed()), ([7; 3000], Duration::from_secs(3)));
        far.write_all(&[8; 1500]).await.expect("taken");
        near.read_exact(&mut back).await.expect("it arrives");
        assert_eq!((back, begun.elapsed()), ([8; 1500], Duration::from_secs(6)));
        links.mend_all();
        near.write_all(&[7; 3000]).await.expect("taken");
        assert!(begun.elapsed() <= Duration::from_millis(6100), "{:?}", begun.elapsed());
    });
}

//! Which peers hold a file if not all of them do: which replicas move when a peer joins or leaves, and that no replica
//! is dropped before its successor is in place.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use dacapo::crypto::{NodeId, ReplicaName};
use dacapo::limits::PLACEMENT_GRACE;
use dacapo::node::{Handle, Holding, Lane, Node};
use dacapo::replication::Placement;
use dacapo::seed::Seed;
use dacapo_sim::disk::{CallKind, SimDisk};
use proptest::prelude::*;

use crate::support::in_memory::{Network, connected, files_below, key, put, run, stop};

fn placement(members: &[u8], count: usize) -> Placement {
    let count = NonZeroUsize::new(count).expect("not zero");
    Placement::new(members.iter().map(|member| NodeId([*member; 32])), count)
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::btree_set(any::<u8>(), 1..9).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_is_placed_on_so_many_peers_or_on_all(members in members(), count in 1..9_usize, name: [u8; 16]) {
        let placement = placement(&members, count);
        let of = placement.of(ReplicaName(name));
        prop_assert_eq!(of.len(), count.min(members.len()));
        for member in &members {
            let id = NodeId([*member; 32]);
            prop_assert_eq!(placement.has(ReplicaName(name), id), of.contains(&id));
        }
    }

    #[test]
    fn a_peer_that_leaves_moves_only_what_it_held(members in members(), count in 1..9_usize, name: [u8; 16]) {
        let before = placement(&members, count).of(ReplicaName(name));
        let (left, rest) = members.split_last().expect("not empty");
        let after = placement(rest, count).of(ReplicaName(name));
        let stayed: Vec<_> = before.iter().filter(|id| **id != NodeId([*left; 32])).collect();
        prop_assert!(stayed.iter().all(|id| after.contains(id)), "every other holder still holds it");
        prop_assert!(after.len() <= stayed.len() + 1, "at most one peer takes it over");
        if stayed.len() == before.len() {
            prop_assert_eq!(after, before, "a replica that the peer did not hold stays where it is");
        }
    }
}

#[test]
fn files_spread_evenly() {
    let placement = placement(&[1, 2, 3, 4, 5], 2);
    let mut counts = BTreeMap::<_, u32>::new();
    for name in 0..10_000_u128 {
        for id in placement.of(ReplicaName((name << 64).to_be_bytes())) {
            *counts.entry(id).or_default() += 1;
        }
    }
    // 4,000 each; the standard deviation is 49.
    assert!(counts.values().all(|count| (3_800..4_200).contains(count)), "{counts:?}");
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// An owner that has each file held by two of its peers, and those peers by their ports.
struct Cluster {
    network: Network,
    owner: Node,
    holders: BTreeMap<u16, (SimDisk, Option<Node>)>,
}

impl Cluster {
    async fn start(ports: &[u16]) -> Self {
        let network = Network::with_replicas(2);
        let mut holders = BTreeMap::new();
        for port in ports {
            let disk = SimDisk::new();
            let node = network.start(*port, &disk, &[]).await;
            holders.insert(*port, (disk, Some(node)));
        }
        let owner = network.start(5000, &SimDisk::new(), ports).await;
        connected(&owner.handle(), ports.len()).await;
        Self { network, owner, holders }
    }

    fn owner(&self) -> Handle {
        self.owner.handle()
    }

    async fn stop(&mut self, port: u16) {
        let node = self.holders.get_mut(&port).and_then(|(_, node)| node.take());
        stop(node.expect("it runs")).await;
    }

    async fn start_again(&mut self, port: u16) {
        let (disk, node) = self.holders.get_mut(&port).expect("it was there");
        *node = Some(self.network.start(port, disk, &[]).await);
    }

    /// Returns the peers that hold the current version of each file.
    async fn holders(&self) -> BTreeMap<&'static str, Vec<NodeId>> {
        let mut holders = BTreeMap::new();
        for name in NAMES {
            let of_file = self.owner().holders(&key(name)).await.expect("known");
            let current = of_file.into_iter().filter(|holder| matches!(holder.holding, Holding::Current { .. }));
            holders.insert(name, current.map(|holder| holder.peer).collect());
        }
        holders
    }

    async fn end(mut self) {
        let ports: Vec<_> = self.holders.keys().copied().collect();
        stop(self.owner).await;
        for port in ports {
            if let Some(node) = self.holders.get_mut(&port).and_then(|(_, node)| node.take()) {
                stop(node).await;
            }
        }
    }
}

fn long_enough() -> impl Future<Output = ()> {
    tokio::time::sleep(Duration::from_secs(60))
}

#[test]
fn a_store_goes_to_so_many_peers_and_stays_there() {
    run(async {
        let cluster = Cluster::start(&[3000, 3001, 3002, 3003]).await;
        for name in NAMES {
            assert_eq!(put(&cluster.owner(), name, vec![1; 22]).await.replicas(), 2);
        }
        let before = cluster.holders().await;
        assert!(before.values().all(|holders| holders.len() == 2), "{before:?}");
        long_enough().await;
        assert_eq!(cluster.holders().await, before);
        cluster.end().await;
    });
}

#[test]
fn a_peer_that_starts_again_moves_nothing_and_one_that_stays_away_only_what_it_held() {
    run(async {
        let mut cluster = Cluster::start(&[3000, 3001, 3002, 3003]).await;
        for name in NAMES {
            put(&cluster.owner(), name, vec![1; 22]).await;
        }
        let before = cluster.holders().await;
        let away = before["a"][0];
        let port = 3000 + u16::try_from(position(&cluster, away)).expect("small");
        cluster.stop(port).await;
        connected(&cluster.owner(), 3).await;
        tokio::time::sleep(PLACEMENT_GRACE / 2).await;
        let without = |holders: &BTreeMap<&'static str, Vec<NodeId>>| -> BTreeMap<_, Vec<_>> {
            holders.iter().map(|(name, of)| (*name, of.iter().copied().filter(|id| *id != away).collect())).collect()
        };
        assert_eq!(cluster.holders().await, without(&before), "nothing is moved within the grace");
        tokio::time::sleep(PLACEMENT_GRACE / 2 + Duration::from_secs(60)).await;
        let moved = cluster.holders().await;
        for (name, holders) in &moved {
            assert_eq!(holders.len(), 2, "{name} is on two peers again");
            assert!(without(&before)[name].iter().all(|id| holders.contains(id)), "{name} stays where it was");
        }
        cluster.start_again(port).await;
        connected(&cluster.owner(), 4).await;
        long_enough().await;
        assert_eq!(cluster.holders().await, before, "every replica is where it was at first");
        cluster.end().await;
    });
}

#[test]
fn a_cluster_that_starts_again_one_after_the_other_moves_nothing() {
    run(async {
        let ports = [3000, 3001, 3002, 3003];
        let (network, disk) = (Network::with_replicas(2), SimDisk::new());
        let disks = ports.map(|_| SimDisk::new());
        let mut nodes = Vec::new();
        for (port, disk) in ports.iter().zip(&disks) {
            nodes.push(network.start(*port, disk, &[]).await);
        }
        let owner = network.start(5000, &disk, &ports).await;
        connected(&owner.handle(), 4).await;
        for name in NAMES {
            put(&owner.handle(), name, vec![1; 22]).await;
        }
        let folder = owner.handle().node().to_string();
        stop(owner).await;
        for node in nodes.drain(..) {
            stop(node).await;
        }
        let owner = network.start(5000, &disk, &ports).await;
        for moment in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if moment % 20 == 0 && nodes.len() < ports.len() {
                nodes.push(network.start(ports[nodes.len()], &disks[nodes.len()], &[]).await);
            }
            let held: usize = disks.iter().map(|disk| files_below(disk, &folder).len()).sum();
            assert_eq!(held, 2 * NAMES.len(), "each file is on two peers all the time");
        }
        stop(owner).await;
        for node in nodes {
            stop(node).await;
        }
    });
}

/// Returns the place of a peer in the order of the ports.
fn position(cluster: &Cluster, id: NodeId) -> usize {
    let is_it = |(_, node): &(SimDisk, Option<Node>)| node.as_ref().is_some_and(|node| node.handle().node() == id);
    cluster.holders.values().position(is_it).expect("it is one of the holders")
}

#[test]
fn nothing_is_dropped_while_one_who_is_to_hold_it_cannot_be_asked() {
    run(async {
        let mut cluster = Cluster::start(&[3000, 3001, 3002]).await;
        let all = cluster.owner();
        put(&all, "a", vec![1; 22]).await;
        let of = |holders: Vec<dacapo::node::Holder>| {
            holders.into_iter().filter(|holder| matches!(holder.holding, Holding::Current { .. })).count()
        };
        let first = all.holders(&key("a")).await.expect("known");
        let holder =
            first.iter().find(|holder| matches!(holder.holding, Holding::Current { .. })).expect("two do").peer;
        let port = 3000 + u16::try_from(position(&cluster, holder)).expect("small");
        cluster.stop(port).await;
        connected(&all, 2).await;
        // The file goes to the two connected peers, although it is placed on one of them only.
        put(&all, "a", vec![2; 22]).await;
        long_enough().await;
        assert_eq!(
            of(all.holders(&key("a")).await.expect("known")),
            2,
            "neither replica is dropped while the third peer is away"
        );
        cluster.start_again(port).await;
        connected(&all, 3).await;
        long_enough().await;
        assert_eq!(of(all.holders(&key("a")).await.expect("known")), 2, "only the peers on which it is placed hold it");
        cluster.end().await;
    });
}

#[test]
fn a_file_stored_again_after_its_deletion_everywhere_leaves_no_peer_behind() {
    run(async {
        let cluster = Cluster::start(&[3000, 3001, 3002, 3003]).await;
        for name in NAMES {
            put(&cluster.owner(), name, vec![1; 22]).await;
            cluster.owner().delete_everywhere(&key(name)).await.expect("deleted");
            put(&cluster.owner(), name, vec![2; 22]).await;
        }
        long_enough().await;
        let peers = cluster.owner().peers().await;
        assert!(peers.iter().all(|peer| peer.is_current() == Some(true)), "{peers:?}");
        cluster.end().await;
    });
}

#[test]
fn a_replica_is_whole_until_its_release_is_durable() {
    run(async {
        let mut cluster = Cluster::start(&[3000, 3001]).await;
        for name in NAMES {
            put(&cluster.owner(), name, vec![1; 100_000]).await;
        }
        // A third peer takes some of the files over. No commit of the other two is made meanwhile, but files go.
        let set = |cluster: &Cluster, per_mille| {
            for (disk, _) in cluster.holders.values() {
                disk.set_errors(CallKind::Write, per_mille, Seed::from_u64(1).rng(Lane::Backoff));
            }
        };
        set(&cluster, 1000);
        let third = SimDisk::new();
        let node = cluster.network.start(3002, &third, &[5000]).await;
        long_enough().await;
        let folder = cluster.owner().node().to_string();
        assert!(!files_below(&third, &folder).is_empty(), "the third peer has taken files over");
        for (disk, _) in cluster.holders.values() {
            assert_eq!(files_below(disk, &folder).len(), NAMES.len(), "what is still listed is there");
        }
        set(&cluster, 0);
        long_enough().await;
        let left: usize = cluster.holders.values().map(|(disk, _)| files_below(disk, &folder).len()).sum();
        assert_eq!(left + files_below(&third, &folder).len(), 2 * NAMES.len());
        cluster.holders.insert(3002, (third, Some(node)));
        cluster.end().await;
    });
}

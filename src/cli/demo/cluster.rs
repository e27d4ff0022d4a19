//! The three nodes of the demonstration: a star, whose third node dials the other two.

use std::path::{Path, PathBuf};

use dacapo::crypto::{ClusterSecret, NodeId};
use dacapo::disk::dir::DirDisk;
use dacapo::node::{Config, Handle, Node};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::transport::Address;
use tokio::time::{sleep, timeout};

use crate::cli::error::CliError;
use crate::cli::limits::{DEMO_CONNECT_TIMEOUT, DEMO_POLL_INTERVAL};
use crate::cli::logging;

/// The data directories, in the order in which the nodes start.
pub(super) const DIRS: [&str; 3] = ["n1", "n2", "n3"];

/// What the nodes are called where seeds are derived. The simulation uses the same names, so one seed gives the
/// same keys and IVs in both.
const SEED_NAMES: [&str; 3] = ["n3000", "n7000", "n5000"];

pub(super) struct Cluster {
    nodes: Vec<(Node, PathBuf)>,
    /// The node that the files are stored on.
    pub(super) third: Handle,
}

/// A node that has stopped, and where its files lie.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) node: NodeId,
    pub(super) dir: PathBuf,
}

impl Cluster {
    pub(super) async fn start(dir: &Path, seed: &Seed) -> Result<Self, CliError> {
        let mut nodes = Vec::new();
        let mut peers = Vec::new();
        for (dir_name, seed_name) in DIRS.into_iter().zip(SEED_NAMES) {
            let is_last = nodes.len() + 1 == DIRS.len();
            let config = Config {
                peers: if is_last { std::mem::take(&mut peers) } else { Vec::new() },
                events: logging::sink(format!("[{dir_name}] ")),
                // Only the loopback reaches these ports, and the nodes live for a moment.
                ..Config::new(
                    ":0".parse().expect("an address without a host is this machine"),
                    ClusterSecret::open(),
                    seed.derive(seed_name, 0),
                )
            };
            let dir = dir.join(dir_name);
            let node = Node::start(Machine::new(DirDisk::open(&dir)?), config).await?;
            peers.push(Address::from(node.handle().address()));
            nodes.push((node, dir));
        }
        let third = nodes.last().expect("three nodes were started").0.handle();
        Ok(Self { nodes, third })
    }

    /// How many peers the third node has.
    pub(super) fn peers(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Waits until the third node is connected with both others.
    pub(super) async fn connected(&self) -> Result<(), CliError> {
        let all_connected = async {
            while self.third.peers().await.iter().filter(|peer| peer.is_connected).count() < self.peers() {
                sleep(DEMO_POLL_INTERVAL).await;
            }
        };
        let late = |_| CliError::Demo { reason: "the nodes did not connect".to_owned() };
        timeout(DEMO_CONNECT_TIMEOUT, all_connected).await.map_err(late)
    }

    /// Stops all nodes, so that their disks hold still.
    pub(super) async fn stop(self) -> Result<Vec<Member>, CliError> {
        let mut members = Vec::new();
        for ((node, dir), name) in self.nodes.into_iter().zip(DIRS).rev() {
            let handle = node.handle();
            handle.stop().await;
            node.stopped().await?;
            members.push(Member { name, node: handle.node(), dir });
        }
        members.reverse();
        Ok(members)
    }
}

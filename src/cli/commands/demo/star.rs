//! The three nodes of the demonstration: a star, whose third node dials the other two.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, NodeId};
use dacapo::disk::dir::DirDisk;
use dacapo::event::{Event, EventSink};
use dacapo::node::{Config, Handle, Node};
use dacapo::seed::Seed;
use dacapo::transport::Address;
use tokio::time::{sleep, timeout};

use crate::cli::error::CliError;
use crate::cli::limits::{DEMO_CONNECT_TIMEOUT, DEMO_POLL_INTERVAL};
use crate::cli::{logging, starting};

/// The data directories, in the order in which the nodes start.
pub(super) const DIRS: [&str; 3] = ["n1", "n2", "n3"];

/// What the nodes are called when their seeds are derived. The simulation uses the same names, so one seed gives the
/// same keys and IVs in both.
const SEED_NAMES: [&str; 3] = ["n3000", "n7000", "n5000"];

/// Three running nodes.
pub(super) struct Star {
    nodes: Vec<(Node, PathBuf)>,
    /// The node that the files are stored on.
    pub(super) third: Handle,
    /// Whether the nodes are being stopped.
    is_ending: Rc<Cell<bool>>,
}

/// A node that has stopped, and where its files lie.
pub(super) struct StoppedNode {
    pub(super) name: &'static str,
    pub(super) node: NodeId,
    pub(super) dir: PathBuf,
}

impl Star {
    /// Starts the nodes, each in a data directory of its own below `dir`.
    pub(super) async fn start(dir: &Path, seed: &Seed) -> Result<Self, CliError> {
        let (mut nodes, mut peers) = (Vec::new(), Vec::new());
        let is_ending = Rc::new(Cell::new(false));
        for (dir_name, seed_name) in DIRS.into_iter().zip(SEED_NAMES) {
            let is_last = nodes.len() + 1 == DIRS.len();
            let config = Config {
                peers: if is_last { std::mem::take(&mut peers) } else { Vec::new() },
                events: events(dir_name, is_ending.clone()),
                // Only the loopback reaches these ports, and the nodes live for a moment.
                ..Config::new(starting::loopback(), ClusterSecret::open(), seed.derive(seed_name, 0))
            };
            let dir = dir.join(dir_name);
            let node = starting::start_repeatable(DirDisk::open(&dir)?, config).await?;
            peers.push(Address::from(node.handle().address()));
            nodes.push((node, dir));
        }
        let third = nodes.last().expect("three nodes were started").0.handle();
        Ok(Self { nodes, third, is_ending })
    }

    /// Counts the peers of the third node.
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
    pub(super) async fn stop(self) -> Result<Vec<StoppedNode>, CliError> {
        let mut stopped = Vec::new();
        self.is_ending.set(true);
        for ((node, dir), name) in self.nodes.into_iter().zip(DIRS).rev() {
            let id = node.handle().node();
            starting::stop(node).await?;
            stopped.push(StoppedNode { name, node: id, dir });
        }
        stopped.reverse();
        Ok(stopped)
    }
}

/// Returns a sink that shows the events of a node. That a peer is lost is no news once the nodes are being stopped.
fn events(name: &str, is_ending: Rc<Cell<bool>>) -> EventSink {
    let shown = logging::sink(format!("[{name}] "));
    Rc::new(move |event| match event {
        Event::PeerLost { .. } if is_ending.get() => {}
        event => shown(event),
    })
}

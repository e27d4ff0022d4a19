//! A node in a process of its own, over TCP and a directory, as a program would run it; and a cluster of three such
//! nodes.

use std::path::Path;
use std::time::Duration;

use dacapo::crypto::ClusterSecret;
use dacapo::disk::dir::DirDisk;
use dacapo::node::{Config, Handle, Node};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::counting::CountingDisk;
use crate::process::{self, Process};

/// The role of a node. Its layout, its directory and the addresses of its peers follow.
pub(crate) const ROLE: &str = "node";

/// Runs a node until its input ends. Each line of the input is a command, which `obey` answers.
pub(crate) fn run(role: &[String], obey: &impl AsyncFn(&Handle, &[&str]) -> String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let disk = CountingDisk::new(DirDisk::open(Path::new(&role[1])).expect("the directory is free"));
        let config = Config {
            peers: role[2..].iter().map(|peer| peer.parse().expect("an address")).collect(),
            layout: Some(role[0].parse().expect("a layout")),
            ..Config::new(
                "127.0.0.1:0".parse().expect("an address"),
                ClusterSecret::open(),
                Seed::from_u64(u64::from(std::process::id())),
            )
        };
        let node = Node::start(Machine::new(disk.clone()), config).await.expect("the node starts");
        let handle = node.handle();
        wait_for_peers(&handle, role.len() - 2).await;
        process::answer(&handle.address().to_string());
        let mut commands = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = commands.next_line().await {
            let words: Vec<&str> = line.split(' ').collect();
            let answer = if words == ["syncs"] { disk.syncs().to_string() } else { obey(&handle, &words).await };
            process::answer(&answer);
        }
        handle.stop().await;
        node.stopped().await.expect("no task panicked");
    });
}

async fn wait_for_peers(handle: &Handle, count: usize) {
    while handle.peers().await.iter().filter(|peer| peer.is_connected).count() < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An origin and two peers: three processes, each with a directory on the disk under test.
pub(crate) struct Cluster {
    /// The node on which the benchmark makes its calls.
    pub(crate) origin: Process,
    peers: [Process; 2],
    /// Where the two peers listen.
    #[allow(dead_code, reason = "not every benchmark goes to them directly")]
    pub(crate) addresses: [String; 2],
}

impl Cluster {
    pub(crate) fn start(layout: Layout) -> Self {
        let layout = layout.to_string();
        let start = |name: &str, peers: &[&str]| {
            let dir = process::empty_dir(name);
            Process::start(&[&[ROLE, layout.as_str(), dir.as_str()], peers].concat())
        };
        let (first, first_address) = start("peer-1", &[]);
        let (second, second_address) = start("peer-2", &[]);
        let (origin, _) = start("origin", &[&first_address, &second_address]);
        Self { origin, peers: [first, second], addresses: [first_address, second_address] }
    }

    /// Returns how many files and directories all three nodes have synced so far.
    #[allow(dead_code, reason = "not every benchmark counts them")]
    pub(crate) fn syncs(&mut self) -> f64 {
        let peers = self.peers.iter_mut().map(|peer| peer.ask_numbers("syncs")[0]).sum::<f64>();
        peers + self.origin.ask_numbers("syncs")[0]
    }

    /// Returns the processor seconds that all three nodes have used so far.
    #[allow(dead_code, reason = "not every benchmark counts them")]
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.origin.cpu_seconds() + self.peers.iter().map(Process::cpu_seconds).sum::<f64>()
    }

    /// Returns the largest resident memory of the origin and of the larger peer, in MiB.
    pub(crate) fn peaks_mib(&self) -> (f64, f64) {
        (self.origin.peak_mib(), self.peers.iter().map(Process::peak_mib).fold(0.0, f64::max))
    }
}

//! Nodes on real TCP and real directories, with a time of day that stands still.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use dacapo::crypto::ClusterSecret;
use dacapo::disk::dir::DirDisk;
use dacapo::event::Event;
use dacapo::node::{Config, Node, StartError};
use dacapo::seed::Seed;
use dacapo::transport::Address;
use dacapo::transport::tcp::Tcp;
use dacapo_sim::platform::{SimClock, SimPlatform};

/// The events of one node.
pub(crate) type Events = Rc<RefCell<Vec<Event>>>;

/// A free port of the loopback interface.
pub(crate) fn any_port() -> Address {
    "127.0.0.1:0".parse().expect("an address")
}

/// Starts a node on a directory. Needs a `LocalSet`.
pub(crate) async fn start(
    directory: &Path,
    listen: Address,
    peers: Vec<Address>,
    seed: Seed,
) -> Result<(Node, Events), StartError> {
    let disk = DirDisk::open(directory).expect("a fresh directory");
    let events = Events::default();
    let sink = events.clone();
    let config = Config {
        peers,
        events: Rc::new(move |event| sink.borrow_mut().push(event.clone())),
        ..Config::new(listen, ClusterSecret::open(), seed)
    };
    let platform = SimPlatform { transport: Tcp, disk, clock: SimClock::Frozen };
    Ok((Node::start(platform, config).await?, events))
}

/// Runs a test on one thread, as a node needs it, and fails it where it takes longer than a minute.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limit = std::time::Duration::from_secs(60);
    let local = tokio::task::LocalSet::new();
    let result = local.block_on(&runtime, async { tokio::time::timeout(limit, test).await });
    result.expect("the test ends within a minute")
}

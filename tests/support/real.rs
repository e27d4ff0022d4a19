//! The real bed, in one process: nodes on real TCP and real directories, with a time of day that stands still.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::ClusterSecret;
use dacapo::disk::dir::DirDisk;
use dacapo::event::Event;
use dacapo::node::{Config, Lane, Node};
use dacapo::seed::Seed;
use dacapo::transport::Address;
use dacapo::transport::tcp::Tcp;
use dacapo_sim::links::{FaultTransport, Links};
use dacapo_sim::platform::{NOTHING_FRESH, SimClock, SimPlatform};

/// Real time after which a test counts as stuck.
const LIMIT: Duration = Duration::from_secs(60);

/// The events of one node, in order.
pub(crate) type Events = Rc<RefCell<Vec<Event>>>;

/// Returns an address of the loopback interface whose port the system chooses.
pub(crate) fn any_port() -> Address {
    "127.0.0.1:0".parse().expect("an address")
}

/// Returns TCP without faults, of the type that all nodes of this bed share: one node less to compile.
pub(crate) fn bare() -> FaultTransport<Tcp> {
    FaultTransport::new(Tcp, Links::new(Seed::from_u64(0).rng(Lane::Backoff)), 0, Rc::default())
}

/// Starts a node on a directory. Needs a `LocalSet`. Where no link has a fault, the transport is bare TCP: see
/// [`bare`].
pub(crate) async fn start(
    transport: FaultTransport<Tcp>,
    directory: &Path,
    peers: Vec<Address>,
    seed: Seed,
) -> (Node, Events) {
    let disk = DirDisk::open(directory).expect("a fresh directory");
    let events = Events::default();
    let sink = events.clone();
    let config = Config {
        peers,
        events: Rc::new(move |event| {
            if !event.is_message() {
                sink.borrow_mut().push(event.clone());
            }
        }),
        ..Config::new(any_port(), ClusterSecret::open(), seed)
    };
    let platform = SimPlatform { transport, disk, clock: SimClock::Frozen, entropy: NOTHING_FRESH };
    (Node::start(platform, config).await.expect("it starts"), events)
}

/// Runs a test on one thread, as a node needs it. Panics if the test takes longer than a minute.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let result = local.block_on(&runtime, async { tokio::time::timeout(LIMIT, test).await });
    result.expect("the test ends within a minute")
}

//! A network in memory with nodes of any disk on it, on one thread, where time passes only while all wait. A test
//! stops and starts each node by itself, with the disk at hand.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{ClusterSecret, Key};
use dacapo::disk::Disk;
use dacapo::event::Event;
use dacapo::node::{Config, Content, Handle, Mode, Node, Quota, Replicas, Stored};
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo::transport::{Address, Transport};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::platform::{SimClock, SimPlatform};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// What one direction of a connection takes before the other side reads.
const STREAM_BYTES: usize = 64 * 1024;

/// Virtual time after which a test counts as stuck.
const LIMIT: Duration = Duration::from_secs(3600);

type Arrived = (DuplexStream, SocketAddr);

/// Who listens where. All hosts have one address; the port tells them apart.
#[derive(Clone, Default)]
pub(crate) struct Network {
    listeners: Rc<RefCell<BTreeMap<u16, mpsc::UnboundedSender<Arrived>>>>,
    boots: Rc<RefCell<BTreeMap<u16, u64>>>,
    layout: Option<Layout>,
    replicas: Replicas,
    quota: Quota,
    mode: Mode,
    /// What all nodes tell, in order.
    pub(crate) events: Rc<RefCell<Vec<Event>>>,
}

impl Network {
    /// A network whose nodes give new data directories this layout.
    pub(crate) fn of(layout: Layout) -> Self {
        Self { layout: Some(layout), ..Self::default() }
    }

    /// A network whose nodes have each file held by so many peers.
    pub(crate) fn with_replicas(count: usize) -> Self {
        let replicas = Replicas::Count(count.try_into().expect("not zero"));
        Self { replicas, ..Self::default() }
    }

    /// A network whose nodes give each owner so much.
    pub(crate) fn with_quota(quota: Quota) -> Self {
        Self { quota, ..Self::default() }
    }

    /// The same network, whose next nodes only learn from their peers.
    pub(crate) fn and_learning(self) -> Self {
        Self { mode: Mode::Learning, ..self }
    }

    /// The same network, whose next nodes give each owner so much.
    pub(crate) fn and_quota(self, quota: Quota) -> Self {
        Self { quota, ..self }
    }

    /// Listens on a port, in place of whoever did before.
    pub(crate) fn listen(&self, port: u16) -> mpsc::UnboundedReceiver<Arrived> {
        let (sender, arrived) = mpsc::unbounded_channel();
        self.listeners.borrow_mut().insert(port, sender);
        arrived
    }

    /// Opens a connection.
    pub(crate) fn dial(&self, port: u16) -> io::Result<DuplexStream> {
        let (here, there) = duplex(STREAM_BYTES);
        let listeners = self.listeners.borrow();
        let listener = listeners.get(&port).ok_or(io::ErrorKind::ConnectionRefused)?;
        listener.send((there, address(0))).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(here)
    }

    /// Starts a node that listens on a port and dials others. Each start has a seed of its own.
    pub(crate) async fn try_start<D: Disk>(&self, port: u16, disk: D, dials: &[u16]) -> Result<Node, String> {
        let boot = {
            let mut boots = self.boots.borrow_mut();
            let boot = boots.entry(port).or_default();
            *boot += 1;
            *boot
        };
        let address = |port: &u16| format!("host:{port}").parse::<Address>().expect("an address");
        let config = Config {
            peers: dials.iter().map(address).collect(),
            layout: self.layout,
            replicas: self.replicas,
            quota: self.quota,
            mode: self.mode,
            events: {
                let events = self.events.clone();
                Rc::new(move |event| events.borrow_mut().push(event.clone()))
            },
            ..Config::new(address(&port), ClusterSecret::open(), Seed::from_u64(port.into()).derive("boot", boot))
        };
        let platform = SimPlatform { transport: self.clone(), disk, clock: SimClock::Frozen };
        Node::start(platform, config).await.map_err(|error| error.to_string())
    }

    /// Starts a node on a simulated disk, on which an earlier one has stopped or died.
    pub(crate) async fn start(&self, port: u16, disk: &SimDisk, dials: &[u16]) -> Node {
        self.try_start(port, disk.boot(), dials).await.expect("the node starts")
    }
}

impl Transport for Network {
    type Stream = DuplexStream;
    type Listener = mpsc::UnboundedReceiver<Arrived>;

    async fn bind(&self, listen: &Address) -> io::Result<(Self::Listener, SocketAddr)> {
        Ok((self.listen(listen.port()), address(listen.port())))
    }

    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Arrived> {
        listener.recv().await.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }

    async fn connect(&self, to: &Address) -> io::Result<DuplexStream> {
        self.dial(to.port())
    }
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Runs a test to its end. Time is virtual.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let result = tokio::task::LocalSet::new().block_on(&runtime, async { tokio::time::timeout(LIMIT, test).await });
    result.expect("the test ends")
}

/// Waits until a node has just so many connected peers.
pub(crate) async fn connected(node: &Handle, peers: usize) {
    while node.peers().await.iter().filter(|peer| peer.is_connected).count() != peers {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Stops a node and waits for its end.
pub(crate) async fn stop(node: Node) {
    node.handle().stop().await;
    node.stopped().await.expect("no task panicked");
}

pub(crate) fn key(name: &str) -> Key {
    name.parse().expect("a key")
}

/// Stores a file.
pub(crate) async fn put(node: &Handle, name: &str, content: Vec<u8>) -> Stored {
    node.store(&key(name), Content::bytes(content)).await.expect("stored")
}

/// Gets a file and reads it.
pub(crate) async fn get(node: &Handle, name: &str) -> Vec<u8> {
    node.get(&key(name)).await.expect("found").read_all().await.expect("readable")
}

/// The files below a folder of a disk, by path.
pub(crate) fn files_below(disk: &SimDisk, folder: &str) -> Vec<String> {
    let prefix = format!("{folder}/");
    let is_file = |kind| kind == dacapo::disk::EntryKind::File;
    let files = disk.tree().into_iter().filter(|(path, kind, _)| is_file(*kind) && path.starts_with(&prefix));
    files.map(|(path, ..)| path).collect()
}

//! The in-memory bed: nodes on a network in memory and on simulated disks that may fail, all on one thread. Time is
//! virtual and passes only while every task waits. A test stops and starts each node by itself, and has the disk of
//! each at hand.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{ClusterSecret, Key, Keys};
use dacapo::event::Event;
use dacapo::limits::DELETIONS_KEPT;
use dacapo::node::{Config, Content, Handle, Lane, Mode, Node, Quota, Replicas, Scrubbed, Stored};
use dacapo::platform::Entropy;
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo::store::{Identity, Store};
use dacapo::transport::{Address, Transport};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::platform::{NOTHING_FRESH, SimClock, SimPlatform};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

use super::fault_disk::FaultDisk;

/// How much one direction of a connection takes before the other side reads.
const STREAM_BYTES: usize = 64 * 1024;

/// Virtual time after which a test counts as stuck.
const LIMIT: Duration = Duration::from_secs(3600);

/// The port of the owner of a [`Pair`].
pub(crate) const OWNER: u16 = 5000;

/// The port of the holder of a [`Pair`].
pub(crate) const HOLDER: u16 = 3000;

type Arrived = (DuplexStream, SocketAddr);

/// A network: its listeners, and the settings of the nodes that start on it. All nodes have one address, and each has a
/// port of its own.
#[derive(Clone, Default)]
pub(crate) struct Network {
    listeners: Rc<RefCell<BTreeMap<u16, mpsc::UnboundedSender<Arrived>>>>,
    boots: Rc<RefCell<BTreeMap<u16, u64>>>,
    layout: Option<Layout>,
    replicas: Replicas,
    quota: Quota,
    mode: Mode,
    deletions_kept: Option<Duration>,
    /// The time of day of all nodes, in milliseconds after the beginning of every simulation. It stands still.
    pub(crate) clock: Rc<Cell<i64>>,
    /// The events of all nodes, in order.
    pub(crate) events: Rc<RefCell<Vec<Event>>>,
}

impl Network {
    /// Makes a network whose nodes give this layout to new data directories.
    pub(crate) fn of(layout: Layout) -> Self {
        Self { layout: Some(layout), ..Self::default() }
    }

    /// Makes a network whose nodes have each file held by `count` peers.
    pub(crate) fn with_replicas(count: usize) -> Self {
        let replicas = Replicas::Count(count.try_into().expect("not zero"));
        Self { replicas, ..Self::default() }
    }

    /// Makes a network whose nodes give each owner this quota.
    pub(crate) fn with_quota(quota: Quota) -> Self {
        Self { quota, ..Self::default() }
    }

    /// Lets the nodes that start from here on only learn from their peers.
    pub(crate) fn and_learning(self) -> Self {
        Self { mode: Mode::Learning, ..self }
    }

    /// Makes a network whose nodes remember deletions for so long, after every peer has come to know them.
    pub(crate) fn with_deletions_kept(kept: Duration) -> Self {
        Self { deletions_kept: Some(kept), ..Self::default() }
    }

    /// Lets the nodes that start from here on give each owner this quota.
    pub(crate) fn and_quota(self, quota: Quota) -> Self {
        Self { quota, ..self }
    }

    /// Listens on a port, in place of an earlier listener.
    pub(crate) fn listen(&self, port: u16) -> mpsc::UnboundedReceiver<Arrived> {
        let (sender, arrived) = mpsc::unbounded_channel();
        self.listeners.borrow_mut().insert(port, sender);
        arrived
    }

    /// Opens a connection to the listener on a port.
    pub(crate) fn dial(&self, port: u16) -> io::Result<DuplexStream> {
        self.dial_from(address(0), port)
    }

    /// Opens a connection that comes from an address.
    pub(crate) fn dial_from(&self, from: SocketAddr, port: u16) -> io::Result<DuplexStream> {
        let (here, there) = duplex(STREAM_BYTES);
        let listeners = self.listeners.borrow();
        let listener = listeners.get(&port).ok_or(io::ErrorKind::ConnectionRefused)?;
        listener.send((there, from)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(here)
    }

    /// Starts a node that listens on a port and dials others. Each start has a seed of its own.
    pub(crate) async fn try_start(&self, port: u16, disk: impl Into<FaultDisk>, dials: &[u16]) -> Result<Node, String> {
        self.try_start_with(NOTHING_FRESH, port, disk.into(), dials).await
    }

    /// Starts a node whose operating system gives this entropy, or none.
    pub(crate) async fn try_start_with(
        &self,
        entropy: Option<Entropy>,
        port: u16,
        disk: FaultDisk,
        dials: &[u16],
    ) -> Result<Node, String> {
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
            deletions_kept: self.deletions_kept.unwrap_or(DELETIONS_KEPT),
            events: {
                let events = self.events.clone();
                Rc::new(move |event| {
                    if !event.is_message() {
                        events.borrow_mut().push(event.clone());
                    }
                })
            },
            ..Config::new(address(&port), ClusterSecret::open(), Seed::from_u64(port.into()).derive("boot", boot))
        };
        let clock = SimClock::Skewed(self.clock.clone());
        let platform = SimPlatform { transport: self.clone(), disk, clock, entropy };
        Node::start(platform, config).await.map_err(|error| error.to_string())
    }

    /// Starts a node on a simulated disk, which may be that of an earlier node.
    pub(crate) async fn start(&self, port: u16, disk: &SimDisk, dials: &[u16]) -> Node {
        self.try_start(port, disk.boot(), dials).await.expect("the node starts")
    }

    /// Starts a holder and an owner that dials it, and waits until they are connected.
    pub(crate) async fn pair(&self, owner: &SimDisk, holder: &SimDisk) -> Pair {
        self.pair_on(owner.boot(), holder.boot()).await
    }

    /// Starts a holder and an owner that dials it, on disks that may fail, and waits until they are connected.
    pub(crate) async fn pair_on(&self, owner: impl Into<FaultDisk>, holder: impl Into<FaultDisk>) -> Pair {
        let holder = self.try_start(HOLDER, holder, &[]).await.expect("the holder starts");
        let owner = self.try_start(OWNER, owner, &[HOLDER]).await.expect("the owner starts");
        connected(&owner.handle(), 1).await;
        Pair { owner, holder }
    }

    /// Stores a file at the first holder in the name of the owner of a disk, who does not know of it.
    pub(crate) async fn put_from_elsewhere(&self, owner: &SimDisk, name: &str, content: Vec<u8>) {
        let elsewhere = SimDisk::new();
        Identity::restore(&elsewhere, &Identity::load(owner).expect("readable").expect("an identity")).expect("empty");
        let other = self.start(OWNER, &elsewhere, &[HOLDER]).await;
        connected(&other.handle(), 1).await;
        put(&other.handle(), name, content).await;
        stop(other).await;
    }
}

/// An owner and the only peer that holds its files.
pub(crate) struct Pair {
    pub(crate) owner: Node,
    pub(crate) holder: Node,
}

impl Pair {
    /// Stops the owner, then the holder.
    pub(crate) async fn stop(self) {
        stop(self.owner).await;
        stop(self.holder).await;
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

/// Runs a test to its end in virtual time, and panics if it gets stuck.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    run_for(LIMIT, test)
}

/// Runs a test that takes up to two days of virtual time.
pub(crate) fn run_long<T>(test: impl Future<Output = T>) -> T {
    run_for(48 * LIMIT, test)
}

fn run_for<T>(limit: Duration, test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let result = tokio::task::LocalSet::new().block_on(&runtime, async { tokio::time::timeout(limit, test).await });
    result.expect("the test ends")
}

/// Waits until a node has exactly this number of connected peers.
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

/// Loses the power of a disk. The seed decides what is left of unsynced writes.
pub(crate) fn lose_power(disk: &SimDisk, seed: u64) {
    disk.power_loss(&mut Seed::from_u64(seed).rng(Lane::Iv));
}

pub(crate) fn key(name: &str) -> Key {
    name.parse().expect("a key")
}

/// Stores a file, which has to succeed on the node itself.
pub(crate) async fn put(node: &Handle, name: &str, content: Vec<u8>) -> Stored {
    node.store(&key(name), Content::bytes(content)).await.expect("stored")
}

/// Scrubs once, without looking at the progress.
pub(crate) async fn scrub(node: &Handle) -> Scrubbed {
    let (told, _listener) = mpsc::channel(1);
    node.scrub(told).await.expect("it runs")
}

/// Gets a file and reads it.
pub(crate) async fn get(node: &Handle, name: &str) -> Vec<u8> {
    node.get(&key(name)).await.expect("found").read_all().await.expect("readable")
}

/// Opens the store of a node that is stopped, and returns the node's keys with it.
pub(crate) fn open_store(disk: &SimDisk) -> (Store<SimDisk>, Keys) {
    let master = Identity::load(&disk.boot()).expect("readable").expect("a node was here");
    let keys = Keys::derive(&master);
    let (store, _) = Store::open(disk.boot(), &keys).expect("opened");
    (store, keys)
}

/// Returns the paths of the files below a folder of a disk.
pub(crate) fn files_below(disk: &SimDisk, folder: &str) -> Vec<String> {
    let prefix = format!("{folder}/");
    let is_file = |kind| kind == dacapo::disk::EntryKind::File;
    let files = disk.tree().into_iter().filter(|(path, kind, _)| is_file(*kind) && path.starts_with(&prefix));
    files.map(|(path, ..)| path).collect()
}

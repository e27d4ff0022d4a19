//! A scripted run: hosts with disks on a simulated network, a node on each, and a workload in code that uses them. It
//! has no plan, no faults and no oracles but those of the workload.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::ClusterSecret;
use dacapo::event::Event;
use dacapo::node::{Config, Handle, Node};
use dacapo::seed::Seed;
use dacapo::transport::Address;
use tokio::sync::Notify;

use crate::disk::SimDisk;
use crate::network::{Times, network};
use crate::platform::{NOTHING_FRESH, SimClock, SimPlatform};
use crate::store::told::tell;
use crate::trace::{Trace, Tracer};
use crate::transport::SimTransport;

/// The least time that the network takes for a segment, and the step of the simulation: a run costs one step per host
/// and tick.
const TICK: Duration = Duration::from_millis(5);
const LATENCY_MAX: Duration = Duration::from_millis(10);

/// A host of a scripted run, and the node on it.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// The host's name, by which others dial it.
    pub name: String,
    /// The host's own address on which its node listens: `0.0.0.0`, or `127.0.0.1` if no other host can dial it.
    pub listen: String,
    /// The port on which its node listens.
    pub port: u16,
    /// The hosts that its node dials.
    pub dials: Vec<(String, u16)>,
}

/// All that a scripted run depends on, besides its workload.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Decides every random choice of the network and the nodes.
    pub seed: u64,
    /// The hosts, started in this order.
    pub hosts: Vec<HostSpec>,
    /// The time of day of the hosts.
    pub clock: SimClock,
    /// Virtual time after which a run counts as stuck.
    pub limit: Duration,
}

/// What a scripted run leaves behind.
#[derive(Debug)]
pub struct ScriptedRun {
    /// What happened.
    pub trace: Trace<Event>,
    /// The disk of each host, by name.
    pub disks: BTreeMap<String, SimDisk>,
    /// Virtual time that passed.
    pub elapsed: Duration,
    /// Why the run failed, if it did.
    pub failure: Option<String>,
}

/// The nodes of a scripted run, as the workload sees them.
#[derive(Clone)]
pub struct Nodes {
    handles: Rc<RefCell<BTreeMap<String, Handle>>>,
    disks: BTreeMap<String, SimDisk>,
    changed: Rc<Notify>,
    tracer: Tracer<Event>,
}

impl Nodes {
    /// Waits until the node of a host has started, and returns a handle on it.
    pub async fn node(&self, name: &str) -> Handle {
        loop {
            let changed = self.changed.notified();
            let found = self.handles.borrow().get(name).cloned();
            match found {
                Some(handle) => return handle,
                None => changed.await,
            }
        }
    }

    /// Returns the disk of a host.
    ///
    /// # Panics
    /// If there is no such host.
    #[must_use]
    pub fn disk(&self, name: &str) -> &SimDisk {
        &self.disks[name]
    }

    /// Writes a line of the workload into the trace.
    pub fn note(&self, note: impl Into<String>) {
        self.tracer.note(note.into());
    }
}

/// Returns the seed of one start of a node: equal on a simulated and on a real network, and never used twice.
#[must_use]
pub fn node_seed(seed: u64, name: &str, boot: u64) -> Seed {
    Seed::from_u64(seed).derive(name, boot)
}

/// Runs a workload to its end, or until a node fails or the limit is reached. An equal stage and workload give an
/// equal run.
pub fn run<F>(setup: &Stage, workload: impl FnOnce(Nodes) -> F) -> ScriptedRun
where
    F: Future<Output = Result<(), Box<dyn std::error::Error>>> + 'static,
{
    let trace = Rc::new(RefCell::new(Trace::default()));
    let times = Times { tick: TICK, latency_max: LATENCY_MAX, limit: setup.limit };
    let mut sim = network(setup.seed, &times);
    let tracer = Tracer::new("workload", &trace);
    let disks: BTreeMap<_, _> = setup.hosts.iter().map(|host| (host.name.clone(), SimDisk::new())).collect();
    let cluster = Nodes { handles: Rc::default(), disks: disks.clone(), changed: Rc::default(), tracer };
    for host in &setup.hosts {
        let start = Start {
            seed: setup.seed,
            host: host.clone(),
            disk: disks[&host.name].clone(),
            clock: setup.clock.clone(),
            tracer: Tracer::new(&host.name, &trace),
            cluster: cluster.clone(),
            boots: Rc::default(),
        };
        sim.host(host.name.as_str(), move || start.clone().run());
    }
    sim.client("workload", workload(cluster));
    let failure = sim.run().err().map(|error| error.to_string());
    let elapsed = sim.elapsed();
    drop(sim);
    ScriptedRun { trace: trace.take(), disks, elapsed, failure }
}

/// Starts the node of a host, each time the host starts.
#[derive(Clone)]
struct Start {
    seed: u64,
    host: HostSpec,
    disk: SimDisk,
    clock: SimClock,
    tracer: Tracer<Event>,
    cluster: Nodes,
    boots: Rc<RefCell<u64>>,
}

impl Start {
    async fn run(self) -> turmoil::Result {
        let boot = self.boots.replace_with(|boots| *boots + 1);
        let tap = self.tracer.clone();
        let platform = SimPlatform {
            transport: SimTransport::new(Rc::new(move |to, bytes| tap.sent(to, bytes))),
            disk: self.disk.boot(),
            clock: self.clock,
            entropy: NOTHING_FRESH,
        };
        let address = |host: &str, port| format!("{host}:{port}").parse::<Address>();
        let tracer = self.tracer.clone();
        let config = Config {
            peers: self.host.dials.iter().map(|(name, port)| address(name, *port)).collect::<Result<_, _>>()?,
            events: Rc::new(move |event| tell(&tracer, event)),
            ..Config::new(
                address(&self.host.listen, self.host.port)?,
                ClusterSecret::open(),
                node_seed(self.seed, &self.host.name, boot),
            )
        };
        let node = Node::start(platform, config).await?;
        self.cluster.handles.borrow_mut().insert(self.host.name.clone(), node.handle());
        self.cluster.changed.notify_waiters();
        Ok(node.stopped().await?)
    }
}

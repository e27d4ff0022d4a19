//! What the harness needs to know of a system under test: the trait [`Subject`], and what the harness hands to a
//! subject and takes from it. Nothing else in the harness knows what it tests.

mod scene;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use dacapo::seed::{Seed, SeedRng};
use dacapo::transport::Address;
use proptest::strategy::BoxedStrategy;

use crate::disk::SimDisk;
use crate::host::Host;
use crate::links::{FaultTransport, Links};
use crate::plan::Plan;
use crate::platform::SimClock;
use crate::trace::{Trace, Tracer};
use crate::transport::SimTransport;

/// A system under test: the program of each host, the calls of its clients, and what must hold.
pub trait Subject: Clone + 'static {
    /// A call of a client. Its text stands in plans.
    type Call: Clone + fmt::Debug + fmt::Display + FromStr<Err: fmt::Display> + PartialEq + Send + Sync + 'static;
    /// What a program reports about itself. Its text is a line of the trace.
    type Event: Clone + fmt::Debug + fmt::Display + 'static;
    /// What clients and programs share: handles on running programs, and the history of the calls. Each run begins
    /// with the default. Clones are the same clients.
    type Clients: Clone + Default + 'static;

    /// Returns the calls that the plan of a seed is drawn from. `swarm` chooses which kinds of calls the seed has, if
    /// the subject wants seeds to differ in that; `nodes` is how many hosts there are.
    fn calls(&self, swarm: &mut SeedRng, nodes: usize) -> BoxedStrategy<Self::Call>;

    /// Returns calls that come at one moment, if some seeds are to have such bursts. By default none has.
    fn burst(&self) -> Option<BoxedStrategy<Vec<Self::Call>>> {
        None
    }

    /// Returns calls that look, together, at what lies on the disks. Some seeds make them soon after a file was
    /// damaged, before anything else finds the damage. By default there are none.
    fn looks(&self) -> Option<BoxedStrategy<Vec<Self::Call>>> {
        None
    }

    /// Returns the first words of all calls. A long sweep fails if one of them never meets one of the faults. By
    /// default none are named, and nothing is demanded.
    fn verbs(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Returns calls that are smaller than this one, the smallest first. By default there are none.
    fn smaller(&self, _call: &Self::Call) -> Vec<Self::Call> {
        Vec::new()
    }

    /// Returns the ways in which a program can lie, each one word. A host that lies runs another program: see
    /// [`Boot::lie`].
    fn lies(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the ways in which the program of a host can be started, each one word: see [`Boot::options`].
    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns words in the lines of events for which a fault of a seed may wait. By default none does.
    fn events(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the names of the messages by which programs only say that they are alive. Pictures of a run leave them
    /// out. By default there are none.
    fn heartbeats(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the bugs that can be planted in the subject, each one word. An oracle has to catch each of them.
    fn bugs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Plants a bug in the subject. It is called with a word of [`bugs`](Self::bugs) only.
    #[must_use]
    fn plant(self, _bug: &str) -> Self {
        self
    }

    /// Returns the expression that makes this subject in Rust, for a plan that becomes a test. By default it is the
    /// default of its type.
    fn expression() -> String {
        format!("{}::default()", std::any::type_name::<Self>())
    }

    /// Runs the program of a host until it ends. The harness drops the program if its host is killed, and starts it
    /// again however it ended, unless it ended as [`Ended::Broken`].
    fn boot(self, boot: Boot<Self>) -> impl Future<Output = Ended> + 'static;

    /// Makes one call on a host and returns its outcome, as the trace is to show it; `None` if nobody can know the
    /// outcome.
    fn call(
        self,
        scene: Scene<Self>,
        on: Host,
        number: usize,
        call: Self::Call,
    ) -> impl Future<Output = Option<String>> + 'static;

    /// Runs after all faults have ended: everything has to come right. By default nothing is checked.
    fn settle(self, _scene: Scene<Self>) -> impl Future<Output = Result<(), Broken>> + 'static {
        std::future::ready(Ok(()))
    }

    /// Sees what a host hands to the network. By default it ignores the bytes.
    fn on_wire(&self, _clients: &Self::Clients, _host: Host, _bytes: &[u8]) {}

    /// Whether the disk of a host may be put back from a copy in the plan of a seed. By default it may not.
    fn may_restore(&self) -> bool {
        false
    }

    /// Whether a host may never come back in the plan of a seed. By default each does.
    fn may_leave(&self) -> bool {
        false
    }

    /// Hears that the whole disk of a host was copied. By default it does nothing.
    fn on_copy(&self, _clients: &Self::Clients, _host: Host) {}

    /// Hears that the disk of a host was put back from a copy, and now is this one. By default it does nothing.
    fn on_restore(&self, _clients: &Self::Clients, _host: Host, _disk: &SimDisk) {}

    /// Whether a file may be damaged at rest; one that the program cannot live without may not. By default none may.
    fn may_rot(&self, _path: &str) -> bool {
        false
    }

    /// Whether the program cannot live without a file. By default it can live without each.
    fn needs(&self, _path: &str) -> bool {
        false
    }

    /// Hears that a file of a host was damaged at rest. By default it does nothing.
    fn on_damage(&self, _clients: &Self::Clients, _host: Host, _path: &str) {}

    /// Hears that a host has lost its power. By default it does nothing.
    fn on_power_loss(&self, _clients: &Self::Clients, _host: Host) {}

    /// Whether a panic is no defect, because the program catches it and takes it for what it is: a file that was
    /// damaged. By default no panic is excused.
    fn excuses(&self, _clients: &Self::Clients, _panic: &str) -> bool {
        false
    }

    /// Returns what must hold of a whole run, besides what calls and settling have checked. By default nothing.
    fn oracles(&self) -> Vec<Oracle<Self>> {
        Vec::new()
    }

    /// Counts the rare states that a run has reached; a sweep adds them up. By default none are counted.
    fn reached(&self, _run: &Run<Self>) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }

    /// Returns how the program of a host calls itself, if programs have names of their own. People see it beside the
    /// name of the host.
    fn identity(&self, _clients: &Self::Clients, _host: Host) -> Option<String> {
        None
    }

    /// Returns how the programs of all hosts call themselves after a run.
    fn identities(&self, run: &Run<Self>) -> Vec<Option<String>> {
        (0..run.plan.nodes).map(|host| self.identity(&run.clients, host)).collect()
    }

    /// Describes a disk in words of the subject, one line each. People see the lines above the files.
    fn inspect(&self, _disk: &SimDisk) -> Vec<String> {
        Vec::new()
    }
}

/// Judges a run. It is named for the promise that it watches.
pub struct Oracle<S: Subject> {
    /// The promise.
    pub name: &'static str,
    /// Returns an error that says what is wrong with the run, if something is.
    pub judge: fn(&Run<S>) -> Result<(), String>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The oracle that noticed.
    pub oracle: &'static str,
    /// How the promise was broken.
    pub what: String,
}

/// How the program of a host ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// It could not run, for this reason.
    Failed(String),
    /// It ended as it never may: it panicked, for instance.
    Broken(String),
}

/// What the program of a host gets each time it is started.
pub struct Boot<S: Subject> {
    /// The host.
    pub host: Host,
    /// How many times the program was started before.
    pub number: u64,
    /// If set, the host does not run the program itself, but one that lies in this way.
    pub lie: Option<String>,
    /// How the program is to be started, in words of the subject.
    pub options: Vec<String>,
    /// The source of its random choices: another seed for each start.
    pub seed: Seed,
    /// The address on which it listens.
    pub listen: Address,
    /// Another address on which it can listen, where nobody was told to dial it.
    pub listen_elsewhere: Address,
    /// The addresses on which the programs of all hosts listen, by host.
    pub hosts: Vec<Address>,
    /// The hosts that it dials.
    pub dials: Vec<Address>,
    /// Its network.
    pub transport: FaultTransport<SimTransport>,
    /// Its disk.
    pub disk: SimDisk,
    /// Its time of day.
    pub clock: SimClock,
    /// Where it reports its events.
    pub events: Tracer<S::Event>,
    /// What it shares with its clients, and what only an oracle may look at.
    pub scene: Scene<S>,
}

/// What the calls of clients and the oracles have at hand.
pub struct Scene<S: Subject> {
    /// What they share.
    pub clients: S::Clients,
    /// The plan.
    pub plan: Rc<Plan<S::Call>>,
    /// The disks, by host.
    pub disks: Rc<Vec<SimDisk>>,
    /// What was damaged at rest, so far.
    pub damage: Rc<RefCell<Vec<Damage>>>,
    /// The hosts whose program has given way to one that lies, so far.
    pub liars: Rc<RefCell<BTreeSet<Host>>>,
    /// Writes lines of the clients into the trace.
    pub notes: Tracer<S::Event>,
    /// The promises that are broken so far. The run ends at the first.
    pub broken: Rc<RefCell<Vec<Broken>>>,
    /// All links.
    pub links: Links,
    /// How many times each host has been started.
    pub boots: Rc<Vec<Cell<u64>>>,
    /// What the check after the faults waits for, as a clause. It is shown if the check takes too long.
    pub lacks: Rc<RefCell<String>>,
    /// How much longer than usual the check may take, if there is more to come right.
    pub longer: Rc<Cell<Duration>>,
}

/// A file that a fault damaged at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The host on whose disk the file lies.
    pub host: Host,
    /// The path of the file.
    pub path: String,
}

/// A run after its end.
pub struct Run<S: Subject> {
    /// The plan that was run.
    pub plan: Rc<Plan<S::Call>>,
    /// What clients and programs shared.
    pub clients: S::Clients,
    /// The disks, by host, as the run left them.
    pub disks: Rc<Vec<SimDisk>>,
    /// What was damaged at rest.
    pub damage: Vec<Damage>,
    /// The hosts whose program gave way to one that lies.
    pub liars: BTreeSet<Host>,
    /// What happened, in order.
    pub trace: Trace<S::Event>,
    /// Virtual time that passed.
    pub elapsed: Duration,
    /// Calls that may have changed a disk before the lift, by host.
    pub changes: Vec<u64>,
    /// The faults that took effect, by their first word.
    pub faults: BTreeMap<String, u64>,
    /// Dialled connections that were open at the end, by host.
    pub connections: Vec<usize>,
    /// The first promise that was broken, if any.
    pub broken: Option<Broken>,
}

impl Broken {
    /// Returns the promise of an oracle as broken.
    pub fn new(oracle: &'static str, what: impl Into<String>) -> Self {
        Self { oracle, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.what)
    }
}

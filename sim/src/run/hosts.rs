//! The hosts of a run: each starts its program, and starts it again whenever it ends.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dacapo::seed::Seed;
use dacapo::transport::Address;

use crate::host::{Host, ip, name};
use crate::links::FaultTransport;
use crate::oracle::live;
use crate::platform::SimClock;
use crate::subject::{Boot, Ended, Scene, Subject};
use crate::trace::{Trace, Tracer};
use crate::transport::{SimTransport, Tap};

/// The port on which every program listens, and another one for those that have moved.
const PORT: u16 = 3000;
const OTHER_PORT: u16 = 3001;

/// How long a host waits after its program has ended before it starts the program again.
const RESTART: Duration = Duration::from_millis(200);

/// What faults set, and what a start of the program reads.
#[derive(Default)]
pub(super) struct Levers {
    /// How far the time of day is off, in milliseconds.
    pub(super) clock: Rc<Cell<i64>>,
    /// The lie that the program is to tell, if any.
    pub(super) lie: RefCell<Option<String>>,
}

pub(super) struct Hosted<S: Subject> {
    subject: S,
    host: Host,
    scene: Scene<S>,
    levers: Rc<Levers>,
    tracer: Tracer<S::Event>,
    addresses: Rc<BTreeMap<String, Host>>,
}

impl<S: Subject> Clone for Hosted<S> {
    fn clone(&self) -> Self {
        Self {
            subject: self.subject.clone(),
            host: self.host,
            scene: self.scene.clone(),
            levers: self.levers.clone(),
            tracer: self.tracer.clone(),
            addresses: self.addresses.clone(),
        }
    }
}

fn address(host: Host) -> Address {
    format!("{}:{PORT}", name(host)).parse().expect("the name of a host and a port are an address")
}

fn listen(port: u16) -> Address {
    format!("0.0.0.0:{port}").parse().expect("an address")
}

impl<S: Subject> Hosted<S> {
    pub(super) fn new(
        subject: &S,
        host: Host,
        scene: &Scene<S>,
        trace: &Rc<RefCell<Trace<S::Event>>>,
        levers: &[Rc<Levers>],
    ) -> Self {
        let hosts = || [PORT, OTHER_PORT].into_iter().flat_map(|port| (0..scene.plan.nodes).map(move |to| (port, to)));
        let mut addresses: BTreeMap<_, _> = hosts().map(|(port, to)| (format!("{}:{port}", name(to)), to)).collect();
        addresses.extend(hosts().map(|(port, to)| (format!("{}:{port}", ip(to)), to)));
        Self {
            subject: subject.clone(),
            host,
            scene: scene.clone(),
            levers: levers[host].clone(),
            tracer: Tracer::new(&name(host), trace),
            addresses: Rc::new(addresses),
        }
    }

    pub(super) async fn run(self) -> turmoil::Result {
        loop {
            match self.subject.clone().boot(self.next_boot()).await {
                Ended::Stopped => {}
                Ended::Failed(why) => self.tracer.note(format!("the program failed: {why}")),
                Ended::Broken(why) => {
                    self.scene.note_broken(live::broken(format!("the program of {} broke: {why}", name(self.host))));
                    return Ok(());
                }
            }
            tokio::time::sleep(RESTART).await;
        }
    }

    fn next_boot(&self) -> Boot<S> {
        let host = self.host;
        let number = self.scene.boots[host].replace(self.scene.boots[host].get() + 1);
        let dials =
            self.scene.plan.dials.iter().filter(|(from, _)| *from == host).map(|(_, to)| address(*to)).collect();
        let transport = SimTransport::new(self.tap());
        Boot {
            host,
            number,
            lie: self.levers.lie.borrow().clone(),
            options: self.scene.plan.options_of(host),
            seed: Seed::from_u64(self.scene.plan.seed).derive(&name(host), number),
            listen: listen(PORT),
            listen_elsewhere: listen(OTHER_PORT),
            hosts: (0..self.scene.plan.nodes).map(address).collect(),
            dials,
            transport: FaultTransport::new(transport, self.scene.links.clone(), host, self.addresses.clone()),
            disk: self.scene.disks[host].boot(),
            clock: SimClock::Skewed(self.levers.clock.clone()),
            events: self.tracer.clone(),
            scene: self.scene.clone(),
        }
    }

    fn tap(&self) -> Tap {
        let this = self.clone();
        Rc::new(move |to, bytes| {
            this.tracer.sent(to, bytes);
            this.subject.on_wire(&this.scene.clients, this.host, bytes);
        })
    }
}

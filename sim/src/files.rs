//! The file store as the subject of the harness: the whole, unchanged node on each host, the calls of its owners, and
//! what has to come right once all faults have ended.

pub mod call;
pub mod clients;
pub mod contents;
pub mod history;
pub mod liar;
pub mod member;
mod settle;

use std::collections::BTreeMap;
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, Keys};
use dacapo::disk::Disk;
use dacapo::event::{Event, FetchAnswer};
use dacapo::limits::LIST_PAGE_MAX;
use dacapo::node::{Config, Content, DeleteError, GetError, Lane, Node, Replicas, StoreError};
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo::store::{Identity, Store};
use proptest::strategy::BoxedStrategy;

use crate::disk::SimDisk;
use crate::links::Host;
use crate::oracle::{self, available};
use crate::planted::{Bug, BugDisk, BugTransport};
use crate::platform::SimPlatform;
use crate::subject::{Broken, Ended, Machine, Oracle, Run, Scene, Subject};
use crate::trace::What;
use call::Call;
use clients::Clients;
use history::{Entry, Outcome};

/// The file store. With a planted bug, the world around the node is wrong in one way, and an oracle has to say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// What is planted, if anything.
    pub bug: Option<Bug>,
}

impl Subject for Files {
    type Call = Call;
    type Event = Event;
    type Clients = Clients;

    fn calls(&self) -> BoxedStrategy<Call> {
        call::strategy()
    }

    fn smaller(&self, call: &Call) -> Vec<Call> {
        call.smaller()
    }

    fn lies(&self) -> &'static [&'static str] {
        liar::Lie::NAMES
    }

    fn options(&self) -> &'static [&'static str] {
        &["packed", "replicas-1", "replicas-2"]
    }

    async fn boot(self, machine: Machine<Self>) -> Ended {
        if let Some(lie) = machine.lie.as_deref().and_then(liar::Lie::named) {
            return liar::run(machine, lie, self.bug).await;
        }
        match self.bug {
            None => start(machine, |disk| disk, None).await,
            Some(bug) => start(machine, |disk| BugDisk::new(disk, bug), Some(bug)).await,
        }
    }

    async fn call(self, scene: Scene<Self>, host: Host, number: usize, call: Call) -> Option<String> {
        let begun = scene.clients.begin();
        let entry = Entry::new(number, host, call, begun);
        let index = scene.clients.add(entry.clone());
        let must_be_here = available::is_untouched(&scene, host, &entry);
        let outcome = perform(&scene, &entry).await;
        let outcome = self.bug.map_or(outcome.clone(), |bug| bug.lie(&scene.clients, host, call, outcome));
        let said = outcome.to_string();
        let has_no_copy = matches!(outcome, Outcome::NoCopy(_) | Outcome::NotFound);
        scene.clients.end(index, outcome);
        if let Some(broken) = scene.clients.look_at(index) {
            scene.broken.borrow_mut().push(broken);
        }
        if must_be_here && has_no_copy && available::is_untouched(&scene, host, &entry) {
            scene.is_broken(
                "available",
                format!("call {number}, n{host} {call}: the local copy was acknowledged: {said}"),
            );
        }
        Some(said)
    }

    async fn settle(self, scene: Scene<Self>) -> Result<(), Broken> {
        settle::settle(scene, self.bug).await
    }

    fn on_wire(&self, clients: &Clients, host: Host, bytes: &[u8]) {
        clients.tap(host, bytes);
    }

    fn may_rot(&self, path: &str) -> bool {
        // Without its identity or its catalog a node cannot serve; what is being written has no owner yet.
        path.contains('/') && !path.starts_with("tmp/") && !path.starts_with("quarantine/")
    }

    fn oracles(&self) -> Vec<Oracle<Self>> {
        oracle::all()
    }

    fn reached(&self, run: &Run<Self>) -> BTreeMap<&'static str, u64> {
        let mut reached = BTreeMap::new();
        let mut count = |state: &'static str, is: bool| *reached.entry(state).or_default() += u64::from(is);
        for line in run.trace.lines() {
            let What::Event(event) = &line.what else { continue };
            count("crash finished", matches!(event, Event::Recovered { finished: 1.., .. }));
            count("crash dropped", matches!(event, Event::Recovered { dropped: 1.., .. }));
            count("peer lost", matches!(event, Event::PeerLost { .. }));
            count("replica failed", matches!(event, Event::ReplicaFailed { .. }));
            count("exchange failed", matches!(event, Event::ExchangeFailed { .. }));
            count("local damage found", matches!(event, Event::FileDamaged { .. }));
            count("repaired", matches!(event, Event::PeerRepaired { sent: 1.., .. }));
            count("learnt from a peer", matches!(event, Event::FileLearnt { .. }));
            count("replica set aside", matches!(event, Event::ReplicaSetAside { .. }));
            count("deleted for its owner", matches!(event, Event::ReplicaDeleted { .. }));
            count("placed on others", matches!(event, Event::ReplicaReleased { .. }));
            count("fetched", matches!(event, Event::FileFetched { .. }));
            let answer = match event {
                Event::FetchAnswered { answer, .. } => Some(answer),
                _ => None,
            };
            count("stale replica refused", matches!(answer, Some(FetchAnswer::Stale(_))));
            count("damaged replica refused", matches!(answer, Some(FetchAnswer::Damaged)));
        }
        for entry in run.clients.history() {
            count("store unconfirmed", matches!(entry.outcome(), Some(Outcome::Unconfirmed)));
            count("store rejected", matches!(entry.outcome(), Some(Outcome::Rejected)));
        }
        reached
    }
}

/// What the catalog on a disk says, in words. Opens it as a start would: what a crash left is settled by that.
#[must_use]
pub fn catalog(disk: &SimDisk) -> String {
    let disk = disk.boot();
    let mut unused = Seed::from_u64(0).rng(Lane::Identity);
    let opened = Identity::load_or_create(&disk, &mut unused).map_err(|error| error.to_string()).and_then(|identity| {
        let keys = Keys::derive(&identity.master);
        let (store, _) = Store::open(disk, &keys).map_err(|error| error.to_string())?;
        let own = store.list_own(None, LIST_PAGE_MAX).map_err(|error| error.to_string())?;
        let held = store.list_held(None, LIST_PAGE_MAX).map_err(|error| error.to_string())?;
        Ok((own, held))
    });
    match opened {
        Ok((own, held)) => {
            let own: Vec<_> = own.iter().map(|(key, record)| format!("{key} {}", record.seal.version)).collect();
            let own = if own.is_empty() { "no files".to_owned() } else { own.join(", ") };
            format!("catalog: {own}; {} replicas of others", held.len())
        }
        Err(error) => format!("catalog: {error}"),
    }
}

/// The layout that a host is to have, where its options name one.
fn layout(options: &[String]) -> Option<Layout> {
    options.iter().find_map(|option| option.parse().ok())
}

/// The secret that all nodes of a run share.
#[must_use]
pub fn cluster() -> ClusterSecret {
    ClusterSecret(blake3::derive_key("dacapo simulated cluster v1", &[]))
}

/// How many peers are to hold each file of a host's node.
#[must_use]
pub fn replicas(options: &[String]) -> Replicas {
    let count = options.iter().find_map(|option| option.strip_prefix("replicas-")?.parse().ok());
    count.map_or(Replicas::All, Replicas::Count)
}

/// Starts the node of a host and runs it until it stops.
async fn start<D: Disk>(machine: Machine<Files>, wrap: impl FnOnce(SimDisk) -> D, bug: Option<Bug>) -> Ended {
    let Machine { host, options, seed, listen, dials, transport, disk, clock, events, clients, .. } = machine;
    let platform = SimPlatform { transport: BugTransport::new(transport, bug), disk: wrap(disk.clone()), clock };
    let seed = bug.map_or(seed.clone(), |bug| bug.seed(&seed, host));
    let config = Config {
        peers: dials,
        layout: layout(&options),
        replicas: bug.map_or(replicas(&options), |bug| bug.miscount(replicas(&options))),
        events: Rc::new(move |event| events.event(event)),
        ..Config::new(listen, cluster(), seed)
    };
    let node = match Node::start(platform, config).await {
        Ok(node) => node,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    clients.started(host, node.handle());
    // The node has made its identity, so none is made here.
    if let Ok(identity) = Identity::load_or_create(&disk, &mut Seed::from_u64(0).rng(Lane::Identity)) {
        clients.learn(host, &identity.master);
        if matches!(bug, Some(Bug::KeysStolen | Bug::InventorySigned)) {
            clients.steal(&identity.master);
        }
    }
    let stopped = node.stopped().await;
    clients.stopped(host);
    match stopped {
        Ok(()) => Ended::Stopped,
        Err(panicked) => Ended::Broken(panicked.to_string()),
    }
}

async fn perform(scene: &Scene<Files>, entry: &Entry) -> Outcome {
    let call = entry.call;
    let Some(node) = scene.clients.node(entry.host) else { return Outcome::down(call) };
    match call {
        Call::Store { key, size, is_streamed } => {
            let digest = entry.content().expect("a store stores something");
            let content = call::content(entry.number, size);
            let content = match is_streamed {
                true => Content::reader(std::io::Cursor::new(content), None),
                false => Content::bytes(content),
            };
            match node.store(&call::key(key), content).await {
                Ok(stored) => Outcome::stored(digest, &stored),
                Err(StoreError::Rejected(_)) => Outcome::Rejected,
                Err(StoreError::Unconfirmed(_)) => Outcome::Unconfirmed,
            }
        }
        Call::Get { key } => match node.get(&call::key(key)).await {
            Ok(fetched) => match fetched.read_all().await {
                Ok(content) => Outcome::Got(history::digest(&content)),
                Err(error) => Outcome::Failed(error.to_string()),
            },
            Err(GetError::NotFound { .. } | GetError::Deleted) => Outcome::NotFound,
            Err(error @ (GetError::Disk(_) | GetError::Stopped)) => Outcome::Failed(error.to_string()),
            Err(error) => Outcome::NoCopy(error.to_string()),
        },
        Call::Delete { key } => match node.delete(&call::key(key)).await {
            Ok(()) => Outcome::Deleted,
            Err(DeleteError::NotFound | DeleteError::Rejected(_)) => Outcome::NotFound,
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Call::Erase { key } => match node.delete_everywhere(&call::key(key)).await {
            Ok(_) => Outcome::Erased,
            Err(DeleteError::NotFound) => Outcome::NotFound,
            Err(DeleteError::Rejected(_)) => Outcome::Rejected,
            Err(_) => Outcome::Unconfirmed,
        },
        Call::List => match node.list(None).await {
            Ok(files) => Outcome::Listed(files.len()),
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Call::Restart => {
            node.stop().await;
            Outcome::Restarted
        }
    }
}

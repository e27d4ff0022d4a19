//! What the harness asks of the file store.

use std::collections::BTreeMap;
use std::pin::Pin;

use dacapo::event::Event;
use dacapo::seed::SeedRng;
use dacapo::store::layout::{catalog, identity};
use proptest::strategy::BoxedStrategy;
use tokio::time::sleep;

use super::bug::Bug;
use super::call::{self, Call};
use super::clients::Clients;
use super::contents;
use super::files::{Files, needs};
use super::history::{HistoryEntry, Outcome};
use super::liar::{self, Lie};
use super::options::OPTIONS;
use super::oracle::{self, available, faithful};
use super::patience::CONSIDERS;
use super::perform::perform;
use super::{host, reached, settle};
use crate::disk::SimDisk;
use crate::host::{HOSTS_MAX, Host};
use crate::subject::{Boot, Broken, Ended, Oracle, Run, Scene, Subject};

/// Words in the lines of events that tell of a change, or of a step on the way to one.
const EVENTS: &[&str] = &[
    "listening on",
    "recovered from a crash",
    "connected with",
    "lost",
    "received and written",
    "acknowledged",
    "has no replica",
    "sealed bytes to disk",
    "everywhere",
    "asking",
    "served",
    "verified",
    "learnt of",
    "repaired",
];

impl Subject for Files {
    type Call = Call;
    type Event = Event;
    type Clients = Clients;

    fn calls(&self, swarm: &mut SeedRng, nodes: usize) -> BoxedStrategy<Call> {
        call::draw::strategy(swarm, nodes)
    }

    fn burst(&self) -> Option<BoxedStrategy<Vec<Call>>> {
        Some(call::draw::burst())
    }

    fn looks(&self) -> Option<BoxedStrategy<Vec<Call>>> {
        Some(call::draw::looks())
    }

    fn verbs(&self) -> Vec<&'static str> {
        call::text::verbs()
    }

    fn smaller(&self, call: &Call) -> Vec<Call> {
        call.smaller()
    }

    fn lies(&self) -> &'static [&'static str] {
        Lie::NAMES
    }

    fn options(&self) -> &'static [&'static str] {
        OPTIONS
    }

    fn events(&self) -> &'static [&'static str] {
        EVENTS
    }

    fn expression() -> String {
        "dacapo_sim::store::Files::default()".to_owned()
    }

    fn bugs(&self) -> &'static [&'static str] {
        Bug::NAMES
    }

    fn plant(self, bug: &str) -> Self {
        Self { bug: Bug::named(bug) }
    }

    fn boot(self, boot: Boot<Self>) -> impl Future<Output = Ended> + 'static {
        match boot.lie.as_deref().and_then(Lie::named) {
            Some(lie) => compiled_here(liar::run(boot, lie, self.bug)),
            None => compiled_here(host::run(boot, self.bug)),
        }
    }

    fn call(
        self,
        scene: Scene<Self>,
        host: Host,
        number: usize,
        call: Call,
    ) -> impl Future<Output = Option<String>> + 'static {
        compiled_here(self.make(scene, host, number, call))
    }

    fn settle(self, scene: Scene<Self>) -> impl Future<Output = Result<(), Broken>> + 'static {
        compiled_here(settle::settle(scene, self.bug))
    }

    fn on_wire(&self, clients: &Clients, host: Host, bytes: &[u8]) {
        clients.tap(host, bytes);
    }

    fn may_restore(&self) -> bool {
        true
    }

    fn may_leave(&self) -> bool {
        true
    }

    fn on_copy(&self, clients: &Clients, host: Host) {
        clients.copied(host);
    }

    fn on_restore(&self, clients: &Clients, host: Host, disk: &SimDisk) {
        let is_same_node = disk.read(identity().as_str()).is_some();
        clients.restored(host, is_same_node);
    }

    fn may_rot(&self, path: &str) -> bool {
        // Without its identity a node is another node; what is being written belongs to no file yet.
        let is_blob = path.contains('/') && !path.starts_with("tmp/") && !path.starts_with("quarantine/");
        is_blob || path == catalog().as_str()
    }

    fn needs(&self, path: &str) -> bool {
        needs(path)
    }

    fn on_damage(&self, clients: &Clients, host: Host, path: &str) {
        clients.file_damaged(host);
        if path == catalog().as_str() {
            clients.catalog_damaged(host);
        }
    }

    fn on_power_loss(&self, clients: &Clients, host: Host) {
        clients.lost_power(host);
    }

    fn excuses(&self, clients: &Clients, panic: &str) -> bool {
        // The database looks at what a power loss may have left half written, and ends in an assertion if that is
        // rotten as well. The node takes such a panic for damage.
        panic.starts_with("a panic at redb-") && (0..HOSTS_MAX).any(|host| clients.was_damaged(host))
    }

    fn oracles(&self) -> Vec<Oracle<Self>> {
        oracle::all()
    }

    fn reached(&self, run: &Run<Self>) -> BTreeMap<&'static str, u64> {
        reached::reached(run)
    }

    fn heartbeats(&self) -> &'static [&'static str] {
        &["heartbeat", "alive"]
    }

    fn identity(&self, clients: &Clients, host: Host) -> Option<String> {
        Some(clients.id(host).map_or("-".to_owned(), |id| id.to_string()[..8].to_owned()))
    }

    fn inspect(&self, disk: &SimDisk) -> Vec<String> {
        vec![contents::catalog(disk)]
    }
}

impl Files {
    /// Makes a call, and judges its answer.
    async fn make(self, scene: Scene<Self>, host: Host, number: usize, call: Call) -> Option<String> {
        let begun = scene.clients.begin();
        let entry = HistoryEntry::new(number, host, call, begun);
        let index = scene.clients.add(entry.clone());
        let must_be_here = available::is_untouched(&scene, host, &entry);
        let expected = available::newest::expected(&scene, &entry);
        let is_bare = faithful::unkept::is_bare(&scene, &entry);
        let is_calm = available::calm::is_calm(&scene, host);
        let mut made = entry.clone();
        made.call = self.bug.map_or(call, |bug| bug.made(call));
        if self.bug.is_some_and(|bug| bug.hesitates(call)) {
            sleep(CONSIDERS).await;
        }
        let outcome = perform(&scene, &made, self.bug).await;
        self.bug.inspect(|bug| bug.goes_on(&scene.clients, host, call));
        let outcome = self.bug.map_or(outcome.clone(), |bug| bug.lie(&scene.clients, host, call, outcome));
        scene.note_misdirected(&self);
        let said = outcome.to_string();
        let has_no_copy = matches!(outcome, Outcome::NoCopy(_) | Outcome::NotFound);
        if let Err(broken) = oracle::judge_answer(&scene, &entry, &outcome) {
            scene.note_broken(broken);
        }
        if let Some(Err(what)) = expected.map(|expected| available::newest::judge(&scene, &entry, expected, &outcome)) {
            scene.note_broken(Broken::new("available", format!("call {number}, n{host} {call}, {what}")));
        }
        if is_calm
            && available::calm::is_calm(&scene, host)
            && let Err(what) = available::calm::judge(&scene, &entry, &outcome)
        {
            scene.note_broken(Broken::new("available", format!("call {number}, n{host} {call}, {what}")));
        }
        if is_bare && let Err(what) = faithful::unkept::judge(&scene, &entry, &outcome) {
            scene.note_broken(Broken::new("faithful", format!("call {number}, n{host} {call}, {what}")));
        }
        scene.clients.end(index, outcome);
        if let Err(broken) = scene.clients.look_at(index, |history, read| oracle::judge_read(&scene, history, read)) {
            scene.note_broken(broken);
        }
        if must_be_here && has_no_copy && available::is_untouched(&scene, host, &entry) {
            let what = format!("call {number}, n{host} {call}: the local copy was acknowledged: {said}");
            scene.note_broken(Broken::new("available", what));
        }
        Some(said)
    }
}

/// Puts work behind a pointer. What it does, and so the whole node, is compiled with this crate; otherwise each program
/// and each test that runs the subject would compile it once more.
fn compiled_here<T>(work: impl Future<Output = T> + 'static) -> Pin<Box<dyn Future<Output = T>>> {
    Box::pin(work)
}

//! What lies on every disk at every moment of a run, as changes from one step to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use dacapo::disk::EntryKind;

use crate::disk::SimDisk;
use crate::host::Host;
use crate::subject::{Scene, Subject};

/// The least virtual time between two looks at a disk in words of the subject. Chosen: such a look may open a database.
const INSPECT_EVERY: Duration = Duration::from_millis(200);

/// The changes of all hosts, in the order of the times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Film {
    /// The changes.
    pub frames: Vec<Frame>,
}

/// What has changed on one host within one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Virtual time since the run began.
    pub at: Duration,
    /// The host.
    pub host: Host,
    /// Files that are new or have another length, with that, and files that are gone.
    pub files: Vec<(String, Option<u64>)>,
    /// What the subject says of the disk, if it says something else now.
    pub inspected: Option<Vec<String>>,
    /// How many connections the host has dialled that are open, if that has changed.
    pub connections: Option<usize>,
}

/// Looks at the hosts after each step.
pub(crate) struct Camera {
    film: Film,
    hosts: Vec<Seen>,
}

/// What was last seen of a host.
#[derive(Default)]
struct Seen {
    calls: Option<u64>,
    files: BTreeMap<String, u64>,
    inspected: Vec<String>,
    /// When the subject looked last, and whether something has changed since.
    inspected_at: Option<Duration>,
    is_changed: bool,
    connections: usize,
}

impl Camera {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { film: Film::default(), hosts: (0..nodes).map(|_| Seen::default()).collect() }
    }

    /// Notes what has changed. After a fault, and at the end of a run, nothing waits for its turn: a fault changes a
    /// disk without a call.
    pub(crate) fn look<S: Subject>(&mut self, subject: &S, scene: &Scene<S>, at: Duration, is_whole: bool) {
        for (host, seen) in self.hosts.iter_mut().enumerate() {
            let disk = &scene.disks[host];
            let files = seen.changed_files(disk, is_whole);
            let inspected = seen.inspect(subject, disk, at, is_whole);
            let now = scene.links.open_connections(host);
            let connections = (std::mem::replace(&mut seen.connections, now) != now).then_some(now);
            if !files.is_empty() || inspected.is_some() || connections.is_some() {
                self.film.frames.push(Frame { at, host, files, inspected, connections });
            }
        }
    }

    pub(crate) fn into_film(self) -> Film {
        self.film
    }
}

impl Seen {
    fn changed_files(&mut self, disk: &SimDisk, is_whole: bool) -> Vec<(String, Option<u64>)> {
        let calls = disk.calls(None);
        if self.calls.replace(calls) == Some(calls) && !is_whole {
            return Vec::new();
        }
        self.is_changed = true;
        let tree = disk.tree().into_iter().filter(|(_, kind, _)| *kind == EntryKind::File);
        let now: BTreeMap<String, u64> = tree.map(|(path, _, bytes)| (path, bytes)).collect();
        let before = std::mem::replace(&mut self.files, now);
        let gone = before.keys().filter(|path| !self.files.contains_key(*path)).map(|path| (path.clone(), None));
        let new = self.files.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes));
        gone.chain(new.map(|(path, bytes)| (path.clone(), Some(*bytes)))).collect()
    }

    fn inspect<S: Subject>(
        &mut self,
        subject: &S,
        disk: &SimDisk,
        at: Duration,
        is_whole: bool,
    ) -> Option<Vec<String>> {
        let is_due = is_whole || self.inspected_at.is_none_or(|last| at.saturating_sub(last) >= INSPECT_EVERY);
        if !self.is_changed || !is_due {
            return None;
        }
        self.is_changed = false;
        self.inspected_at = Some(at);
        // Of a copy, because a start would change the disk.
        let now = subject.inspect(&disk.copy());
        let is_other = now != self.inspected;
        self.inspected.clone_from(&now);
        is_other.then_some(now)
    }
}

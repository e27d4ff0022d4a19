//! One client: it puts, gets and removes files of one node through the command line, one call after the other. Each
//! answer goes to the history; an answer that is none of those expected is a broken promise by itself.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::File;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use dacapo::crypto::Version;
use dacapo::node::Lane;
use dacapo::seed::{Rng, Seed, SeedRng};
use serde_json::Value;

use crate::bench::{Bench, Ended};
use crate::content;
use crate::history::{Answer, History};

/// How many keys all clients of a node put and get.
const SHARED_KEYS: usize = 2;

/// How many keys one client alone puts and removes. All clients get them.
const OWN_KEYS: usize = 3;

/// How many keys a client stores at the same time, in one of so many turns.
const BURST_KEYS: usize = 20;
const BURST_EVERY: usize = 60;

/// The largest body of each kind of content: small, around the bound up to which content is sent with its announcement,
/// and of several chunks.
const BODY_BYTES: [usize; 3] = [2_000, 120_000, 4 << 20];

/// The wait of a client that has found no node, so that it leaves the machine to the node's start.
const PAUSE: Duration = Duration::from_millis(10);

/// Messages of a command that did not get through to a node, and so has changed nothing.
const NO_NODE: [&str; 2] = ["no node is running on ", "cannot reach the node on "];

/// Messages with which a get may fail while nodes are killed.
const GET_FAILURES: &[&str] = &[
    NO_NODE[0],
    NO_NODE[1],
    "the connection with the node was closed",
    "the connection with the node broke: ",
    ": not found so far: ",
    ": it was stored, and no copy was found: ",
    ": only older versions were found, ",
];

/// Messages with which a removal may fail while nodes are killed.
const REMOVE_FAILURES: &[&str] = &[
    NO_NODE[0],
    NO_NODE[1],
    ": not deleted: no peer is connected",
    ": not deleted: verified copies",
    ": perhaps deleted: ",
];

/// Messages of a put that has certainly not stored the file.
const REJECTIONS: &[&str] = &[NO_NODE[0], NO_NODE[1], ": not stored: "];

/// What all clients share.
pub(crate) struct Torture {
    pub(crate) bench: Bench,
    pub(crate) seed: Seed,
    pub(crate) history: History,
    pub(crate) contents: AtomicU64,
    pub(crate) removals: AtomicU64,
}

/// A client of a node. It has keys that no other client changes.
pub(crate) struct Client<'a> {
    torture: &'a Torture,
    node: &'static str,
    number: u64,
    lane: SeedRng,
    /// For each of its own keys, whether a peer has acknowledged the latest put: if so, the local copy can go.
    is_held: [bool; OWN_KEYS],
}

impl Torture {
    /// Gets a file and notes the answer, which is judged when all calls have ended. Returns what the command said, too.
    pub(crate) fn get(&self, node: &str, key: &str) -> (Answer, String) {
        let begun = self.history.moment();
        let ended = self.bench.run(&self.bench.path(node), &["get", "--json", key]);
        let key = &format!("{node}/{key}");
        let answer = match ended.code {
            Some(0) => self.found(key, &ended),
            Some(3) => Some(Answer::Absent),
            _ if is_any_of(&ended, GET_FAILURES) => Some(Answer::Failed),
            _ => None,
        };
        let answer = answer.unwrap_or_else(|| {
            self.history.broke(format!("get {key}: exit code {:?}: {}", ended.code, ended.stderr));
            Answer::Failed
        });
        self.history.add(key, begun, answer);
        (answer, ended.stderr)
    }

    fn found(&self, key: &str, ended: &Ended) -> Option<Answer> {
        let summary: Value = serde_json::from_str(&ended.stderr).ok()?;
        let version = Version(summary["version"].as_u64()?);
        match content::number(&self.seed, key, &ended.stdout) {
            Ok(content) => Some(Answer::Got { content, version, from_peer: summary["from"].is_string() }),
            Err(wrong) => {
                self.history.broke(format!("get {key} gave {wrong}: {}", ended.stderr));
                Some(Answer::Failed)
            }
        }
    }

    /// Stores new content under a key. Returns how the command ended, and whether a peer has acknowledged the content.
    fn put(&self, node: &'static str, key: &str, body_bytes: usize, input: &str, is_file: bool) -> (Ended, bool) {
        let Self { bench, seed, history, contents, .. } = self;
        let (number, named) = (contents.fetch_add(1, Ordering::Relaxed), format!("{node}/{key}"));
        let file = bench.file(input, &content::content(seed, &named, number, body_bytes));
        let (argument, stdin) = match is_file {
            false => ("-", File::open(&file).expect("just written").into()),
            true => (file.to_str().expect("a plain path"), Stdio::null()),
        };
        let begun = history.moment();
        let ended = bench.spawn(&bench.path(node), &["put", "--json", key, argument], stdin).end();
        let receipt = serde_json::from_slice::<Value>(&ended.stdout).ok();
        let version = receipt.as_ref().and_then(|receipt| receipt["version"].as_u64()).map(Version);
        let answer = match (ended.code, version) {
            (Some(0), Some(version)) => Some(Answer::Acknowledged(number, version)),
            _ if is_any_of(&ended, &[": perhaps stored: "]) => Some(Answer::Unconfirmed(number)),
            _ if is_any_of(&ended, REJECTIONS) => Some(Answer::Rejected(number)),
            _ => None,
        };
        let answer = answer.unwrap_or_else(|| {
            history.broke(format!("put {named}: exit code {:?}: {}", ended.code, ended.stderr));
            Answer::Unconfirmed(number)
        });
        history.add(&named, begun, answer);
        let is_held = receipt.is_some_and(|receipt| receipt["replicas"].as_u64() > Some(0));
        match version.filter(|_| is_held && ended.code == Some(0)) {
            Some(version) => {
                history.held(&named, version);
                (ended, true)
            }
            None => (ended, false),
        }
    }

    /// Deletes a local copy.
    pub(crate) fn remove(&self, node: &str, key: &str) -> Ended {
        self.removals.fetch_add(1, Ordering::Relaxed);
        self.bench.run(&self.bench.path(node), &["rm", key])
    }
}

/// Returns all keys that the clients of a node use.
pub(crate) fn keys(clients: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    let own = clients.flat_map(|client| (0..OWN_KEYS).map(move |key| own_key(client, key)));
    (0..SHARED_KEYS).map(|key| format!("shared-{key}")).chain(own)
}

/// Returns all keys of the bursts of a node.
pub(crate) fn burst_keys() -> impl Iterator<Item = String> {
    (0..crate::CLIENTS).flat_map(|client| (0..BURST_KEYS).map(move |place| burst_key(client, place)))
}

fn burst_key(client: u64, place: usize) -> String {
    format!("burst-{client}-{place}")
}

pub(crate) fn own_key(client: u64, key: usize) -> String {
    format!("own-{client}-{key}")
}

/// Whether a removal has left no local copy, or found none.
pub(crate) fn is_gone(ended: &Ended) -> bool {
    matches!(ended.code, Some(0 | 3)) || is_any_of(ended, &[": there is no local copy of it"])
}

fn is_any_of(ended: &Ended, failures: &[&str]) -> bool {
    let line = ended.stderr.lines().last().unwrap_or_default();
    // Under `--json` an error is an object.
    let message = match serde_json::from_str::<Value>(line) {
        Ok(error) => format!("error: {}", error["error"].as_str().unwrap_or_default()),
        Err(_) => line.to_owned(),
    };
    matches!(ended.code, Some(1 | 4))
        && message.starts_with("error: ")
        && failures.iter().any(|known| message.contains(known))
}

impl<'a> Client<'a> {
    pub(crate) fn new(torture: &'a Torture, node: &'static str, number: u64) -> Self {
        let lane = torture.seed.derive(node, number).rng(Lane::Backoff);
        Self { torture, node, number, lane, is_held: [false; OWN_KEYS] }
    }

    /// Makes one call after the other. Returns the keys whose last acknowledged content a peer has.
    pub(crate) fn run(mut self, until: Instant) -> Vec<String> {
        while Instant::now() < until {
            if self.draw(BURST_EVERY) == 0 {
                self.burst();
            }
            match self.draw(20) {
                0..9 => self.put(),
                9..11 => self.remove(),
                _ => self.get(),
            }
        }
        let held = (0..OWN_KEYS).filter(|key| self.is_held[*key]);
        held.map(|key| own_key(self.number, key)).collect()
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.lane.next_u64() % below as u64).expect("it is below a usize")
    }

    fn put(&mut self) {
        let own = self.draw(OWN_KEYS + SHARED_KEYS);
        let key = if own < OWN_KEYS { own_key(self.number, own) } else { format!("shared-{}", own - OWN_KEYS) };
        let kind = self.draw(4).saturating_sub(1);
        let body_bytes = self.draw(BODY_BYTES[kind]);
        let is_held = self.put_content(&key, body_bytes);
        if own < OWN_KEYS {
            self.is_held[own] = is_held;
        }
    }

    /// Stores new content under a key, and returns whether a peer has acknowledged it.
    fn put_content(&mut self, key: &str, body_bytes: usize) -> bool {
        // The length of a file is known, and so the peers get its content while it is read.
        let is_file = self.draw(2) == 1;
        let input = format!("input-{}-{}", self.node, self.number);
        let (ended, is_held) = self.torture.put(self.node, key, body_bytes, &input, is_file);
        self.pause(&ended);
        is_held
    }

    /// Stores many small files at the same time.
    fn burst(&self) {
        thread::scope(|scope| {
            for place in 0..BURST_KEYS {
                let (node, key) = (self.node, burst_key(self.number, place));
                let input = format!("burst-{node}-{}-{place}", self.number);
                scope.spawn(move || self.torture.put(node, &key, 100 * place, &input, false));
            }
        });
    }

    fn get(&mut self) {
        let all: Vec<_> = keys(0..crate::CLIENTS).collect();
        let key = &all[self.draw(all.len())];
        if self.torture.get(self.node, key).0 == Answer::Failed {
            sleep(PAUSE);
        }
    }

    /// Removes a local copy if a peer has the file, and gets the file back.
    fn remove(&mut self) {
        let own = self.draw(OWN_KEYS);
        if !self.is_held[own] {
            return;
        }
        let key = own_key(self.number, own);
        let ended = self.torture.remove(self.node, &key);
        if !is_gone(&ended) && !is_any_of(&ended, REMOVE_FAILURES) {
            let what = format!("rm {}/{key}: exit code {:?}: {}", self.node, ended.code, ended.stderr);
            self.torture.history.broke(what);
        }
        self.pause(&ended);
        self.torture.get(self.node, &key);
    }

    fn pause(&self, ended: &Ended) {
        if is_any_of(ended, &NO_NODE) {
            sleep(PAUSE);
        }
    }
}

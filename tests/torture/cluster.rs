//! The cluster under torture: three nodes, which keep their directories and ports while they are killed and started
//! again.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dacapo::seed::{Rng, SeedRng};
use rustix::process::Signal;

use crate::NODES;
use crate::bench::{Bench, Node, free_address};
use crate::history::{History, LostLife};

/// The time between two kills, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 100..400;

/// The longest time that a node stays away, in milliseconds. Half of the killed nodes come back at once.
const AWAY_MS: u64 = 300;

/// The longest life of a node that is killed during its start, in milliseconds.
const START_MS: u64 = 40;

/// The node whose directory is put back now and then.
const RESTORED: usize = 0;

/// In which of its kills its directory is copied, and after how long at most the copy takes its place.
const COPY_EVERY: u64 = 4;
const COPY_MS: u64 = 6_000;

/// A node of the cluster, whether it runs or not.
struct Place {
    name: &'static str,
    listen: String,
    peers: Vec<String>,
    /// The number of its connected peers while all nodes run.
    connected: usize,
    node: Option<Node>,
}

/// Counts of what was done to the nodes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kills {
    pub(crate) nodes: usize,
    pub(crate) during_start: usize,
    /// Starts that found traces of a crash in the data directory.
    pub(crate) recoveries: usize,
    /// How often a directory was put back from a copy.
    pub(crate) put_back: usize,
}

/// A copy of a directory, and when it is put back.
struct Copy {
    copied: u64,
    due: Instant,
}

pub(crate) struct Cluster<'a> {
    bench: &'a Bench,
    history: &'a History,
    copy: Option<Copy>,
    places: Vec<Place>,
    lane: SeedRng,
    pub(crate) is_star: bool,
    pub(crate) kills: Kills,
}

impl<'a> Cluster<'a> {
    /// Starts a star, in which the last node dials the others, or a mesh, in which each node dials both others.
    pub(crate) fn start(bench: &'a Bench, history: &'a History, mut lane: SeedRng) -> Self {
        let is_star = lane.next_u64().is_multiple_of(2);
        let addresses: Vec<_> = NODES.iter().map(|_| free_address()).collect();
        let place = |(index, name): (usize, &&'static str)| {
            let dials = !is_star || index == NODES.len() - 1;
            let others = addresses.iter().enumerate().filter(|(other, _)| dials && *other != index);
            let peers = others.map(|(_, address)| address.clone()).collect();
            let connected = if dials { NODES.len() - 1 } else { 1 };
            Place { name, listen: addresses[index].clone(), peers, connected, node: None }
        };
        let places = NODES.iter().enumerate().map(place).collect();
        let mut cluster = Self { bench, history, copy: None, places, lane, is_star, kills: Kills::default() };
        cluster.start_all();
        cluster.connected();
        cluster
    }

    /// Kills one node after the other and starts it again. On return all of them run.
    pub(crate) fn torture(&mut self, until: Instant) {
        while Instant::now() < until {
            let life = LIFE_MS.start + self.draw(LIFE_MS.end - LIFE_MS.start);
            sleep(Duration::from_millis(life));
            let victim = usize::try_from(self.draw(NODES.len() as u64)).expect("it is below a usize");
            let is_pair = self.draw(5) == 0;
            self.kill(victim);
            if is_pair {
                self.kill((victim + 1) % NODES.len());
            }
            if self.draw(2) == 0 {
                let away = self.draw(AWAY_MS);
                sleep(Duration::from_millis(away));
            }
            if self.draw(4) == 0 {
                self.kill_during_start(victim);
            }
            self.copy_or_put_back();
            self.start_all();
        }
    }

    /// Copies the directory of one node now and then, while that does not run, and puts it back some seconds later. It
    /// is always the same node: what two nodes have lost is lost.
    fn copy_or_put_back(&mut self) {
        if self.places[RESTORED].node.is_some() {
            return;
        }
        let (place, copy) = (self.bench.path(NODES[RESTORED]), self.bench.path("copy"));
        match self.copy.take() {
            Some(Copy { copied, due }) if due <= Instant::now() => {
                fs::remove_dir_all(&place).expect("removed");
                fs::rename(&copy, &place).expect("put back");
                self.kills.put_back += 1;
                let life = LostLife { node: NODES[RESTORED], copied, put_back: self.history.moment() };
                self.history.put_back(life);
            }
            None if self.draw(COPY_EVERY) == 0 => {
                let copied = Command::new("cp").arg("-a").arg(&place).arg(&copy).status().expect("cp runs");
                assert!(copied.success(), "cp -a {} {}", place.display(), copy.display());
                let due = Instant::now() + Duration::from_millis(self.draw(COPY_MS));
                self.copy = Some(Copy { copied: self.history.moment(), due });
            }
            waiting => self.copy = waiting,
        }
    }

    /// Waits until each node is connected with all peers that it should have.
    pub(crate) fn connected(&self) {
        for place in &self.places {
            place.node.as_ref().expect("all nodes run").connected(self.bench, place.connected);
        }
    }

    /// Stops all nodes as a user does, and starts them again.
    pub(crate) fn restart(&mut self) {
        for place in &mut self.places {
            let mut node = place.node.take().expect("all nodes run");
            self.bench.succeed(&node.data, &["stop"]);
            assert_eq!(node.wait().code(), Some(0), "{}", node.events());
        }
        self.start_all();
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.lane.next_u64() % below
    }

    fn start_all(&mut self) {
        for place in &mut self.places {
            let start = || self.bench.node_at(place.name, &place.listen, &place.peers);
            place.node.get_or_insert_with(start);
        }
    }

    fn kill(&mut self, victim: usize) {
        let mut node = self.places[victim].node.take().expect("all nodes run");
        node.signal(Signal::KILL);
        let ended = node.wait();
        assert_eq!(ended.code(), None, "the node had ended by itself: {}", node.events());
        self.kills.nodes += 1;
        self.kills.recoveries += usize::from(node.events().contains("recovered from a crash"));
    }

    fn kill_during_start(&mut self, victim: usize) {
        let place = &self.places[victim];
        let mut starting = self.bench.spawn_node(place.name, &place.listen, &place.peers);
        let life = self.draw(START_MS);
        sleep(Duration::from_millis(life));
        starting.child().kill().expect("a child");
        let ended = starting.end();
        assert_eq!(ended.code, None, "the node had ended by itself: {}", ended.stderr);
        self.kills.during_start += 1;
    }
}

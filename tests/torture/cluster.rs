//! Three nodes on directories and ports that they keep, and what kills them and starts them again.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use dacapo::seed::{Rng, SeedRng};
use rustix::process::Signal;

use crate::NODES;
use crate::harness::{Bench, Node, free_address};

/// Between two kills, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 100..400;

/// How long a node may stay away, in milliseconds; every other one comes back at once.
const AWAY_MS: u64 = 300;

/// A node that is killed during its start has run at most so long, in milliseconds.
const START_MS: u64 = 40;

struct Member {
    name: &'static str,
    listen: String,
    peers: Vec<String>,
    /// How many peers are connected where all nodes run.
    connected: usize,
    node: Option<Node>,
}

/// What was done to the nodes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kills {
    pub(crate) nodes: usize,
    pub(crate) during_start: usize,
    /// Starts that found traces of a crash in the data directory.
    pub(crate) recoveries: usize,
}

pub(crate) struct Cluster<'a> {
    bench: &'a Bench,
    members: Vec<Member>,
    lane: SeedRng,
    pub(crate) is_star: bool,
    pub(crate) kills: Kills,
}

impl<'a> Cluster<'a> {
    /// A star, in which the last node dials the others, or a mesh, in which each dials both others.
    pub(crate) fn start(bench: &'a Bench, mut lane: SeedRng) -> Self {
        let is_star = lane.next_u64().is_multiple_of(2);
        let addresses: Vec<_> = NODES.iter().map(|_| free_address()).collect();
        let member = |(index, name): (usize, &&'static str)| {
            let dials = !is_star || index == NODES.len() - 1;
            let others = addresses.iter().enumerate().filter(|(other, _)| dials && *other != index);
            let peers = others.map(|(_, address)| address.clone()).collect();
            let connected = if dials { NODES.len() - 1 } else { 1 };
            Member { name, listen: addresses[index].clone(), peers, connected, node: None }
        };
        let members = NODES.iter().enumerate().map(member).collect();
        let mut cluster = Self { bench, members, lane, is_star, kills: Kills::default() };
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
            self.start_all();
        }
    }

    /// Waits until each node is connected with all whom it should be.
    pub(crate) fn connected(&self) {
        for member in &self.members {
            member.node.as_ref().expect("all nodes run").connected(self.bench, member.connected);
        }
    }

    /// Stops all nodes as a user does, and starts them again.
    pub(crate) fn restart(&mut self) {
        for member in &mut self.members {
            let mut node = member.node.take().expect("all nodes run");
            self.bench.succeed(&node.data, &["stop"]);
            assert_eq!(node.wait().code(), Some(0), "{}", node.events());
        }
        self.start_all();
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.lane.next_u64() % below
    }

    fn start_all(&mut self) {
        for member in &mut self.members {
            let start = || self.bench.node_at(member.name, &member.listen, &member.peers);
            member.node.get_or_insert_with(start);
        }
    }

    fn kill(&mut self, victim: usize) {
        let mut node = self.members[victim].node.take().expect("all nodes run");
        node.signal(Signal::KILL);
        let ended = node.wait();
        assert_eq!(ended.code(), None, "it had ended by itself: {}", node.events());
        self.kills.nodes += 1;
        self.kills.recoveries += usize::from(node.events().contains("recovered from a crash"));
    }

    fn kill_during_start(&mut self, victim: usize) {
        let member = &self.members[victim];
        let mut starting = self.bench.spawn_node(member.name, &member.listen, &member.peers);
        let life = self.draw(START_MS);
        sleep(Duration::from_millis(life));
        starting.child().kill().expect("a child");
        let ended = starting.end();
        assert_eq!(ended.code, None, "it had ended by itself: {}", ended.stderr);
        self.kills.during_start += 1;
    }
}

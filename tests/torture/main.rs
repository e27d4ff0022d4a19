//! Clients store, overwrite, remove and get through the command line on three real nodes, one call after the other and
//! in bursts. SIGKILL ends one node after the other, and they start again; the directory of one of them is put back
//! from an older copy now and then. Everything that was acknowledged has to be there at the end, byte for byte, and no
//! get may ever give anything but what was stored last, or what counted when the copy was made. A program of its own,
//! because it needs the machine for itself.
//!
//! `DACAPO_TORTURE_SECONDS=300` tortures longer; `DACAPO_TORTURE_SEED=7` repeats the choices of a run, though not the
//! moments at which the operating system lets them happen. `cargo test --test torture -- --nocapture` shows the
//! figures.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

#[expect(dead_code, reason = "torture starts nodes in one way only")]
#[path = "../support/bench.rs"]
mod bench;
mod client;
mod cluster;
mod content;
mod history;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::Bench;
use client::{Client, Torture, is_gone};
use cluster::Cluster;
use dacapo::node::Lane;
use dacapo::seed::Seed;
use history::{Answer, History};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// How many clients of each node call at once.
const CLIENTS: u64 = 2;

const SECONDS: u64 = 10;

/// How long repairs take once all nodes are connected: a heartbeat and what follows from it.
const REPAIRED: Duration = Duration::from_secs(15);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn acknowledged_stores_outlive_every_kill() {
    let seconds = variable("DACAPO_TORTURE_SECONDS").unwrap_or(SECONDS);
    let number = variable("DACAPO_TORTURE_SEED").unwrap_or_else(|| std::process::id().into());
    println!("DACAPO_TORTURE_SEED={number}");
    let seed = Seed::from_u64(number);
    let (contents, removals) = (AtomicU64::new(0), AtomicU64::new(0));
    let torture = Torture { bench: Bench::new(), seed: seed.clone(), history: History::default(), contents, removals };
    let mut cluster = Cluster::start(&torture.bench, &torture.history, seed.rng(Lane::Backoff));
    let held = run(&torture, &mut cluster, Instant::now() + Duration::from_secs(seconds));
    settle(&torture, &mut cluster, &held);
    println!("seed {number}, {seconds} s, {}", figures(&torture, &cluster));
    let mut broken = torture.history.judge();
    broken.extend(torture.history.judge_held());
    drop(cluster);
    if !broken.is_empty() {
        let kept = torture.bench.dir.keep();
        panic!("DACAPO_TORTURE_SEED={number}, all files are in {}:\n{}", kept.display(), broken.join("\n"));
    }
}

/// Runs clients and kills at the same time. Returns the files whose last acknowledged content a peer must have.
fn run(torture: &Torture, cluster: &mut Cluster<'_>, until: Instant) -> Vec<(&'static str, String)> {
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for node in NODES {
            for client in 0..CLIENTS {
                clients.push((node, scope.spawn(move || Client::new(torture, node, client).run(until))));
            }
        }
        cluster.torture(until);
        let keys = clients.into_iter().flat_map(|(node, client)| {
            let held = client.join().expect("a client notes what is wrong, and goes on");
            held.into_iter().map(move |key| (node, key))
        });
        keys.collect()
    })
}

/// Checks, once no node is killed any more, that every file comes back: from the local disk, from the peers, and after
/// a restart.
fn settle(torture: &Torture, cluster: &mut Cluster<'_>, held: &[(&'static str, String)]) {
    cluster.connected();
    // What a directory that was put back has lost comes back with the next repairs.
    thread::sleep(REPAIRED);
    get_all(torture, "before a restart");
    for (node, key) in held {
        let removed = torture.remove(node, key);
        if !is_gone(&removed) {
            torture.history.broke(format!("rm {node}/{key}: {}", removed.stderr));
        }
        let (answer, said) = torture.get(node, key);
        if !matches!(answer, Answer::Got { from_peer: true, .. }) {
            torture.history.broke(format!("{node}/{key} did not come back from a peer: {said}"));
        }
    }
    cluster.restart();
    for node in NODES {
        let left = fs::read_dir(torture.bench.path(node).join("tmp")).expect("listed").count();
        if left > 0 {
            torture.history.broke(format!("{node} has {left} temporary files after a restart"));
        }
    }
    cluster.connected();
    get_all(torture, "after a restart");
}

fn get_all(torture: &Torture, when: &str) {
    for node in NODES {
        for key in client::keys(0..CLIENTS).chain(client::burst_keys()) {
            let (answer, said) = torture.get(node, &key);
            if answer == Answer::Failed {
                torture.history.broke(format!("{node}/{key} cannot be read while all nodes run, {when}: {said}"));
            }
        }
    }
}

fn figures(torture: &Torture, cluster: &Cluster<'_>) -> String {
    let count = |is_counted: fn(&Answer) -> bool| torture.history.count(is_counted);
    let kills = cluster.kills;
    format!(
        "{}: {} kills and {} during a start, {} recoveries, {} directories put back; stores: {} acknowledged, {} \
         unconfirmed, {} rejected; gets: {}, {} of them from a peer, {} without an answer, {} of nothing; {} removals",
        if cluster.is_star { "star" } else { "mesh" },
        kills.nodes,
        kills.during_start,
        kills.recoveries,
        kills.put_back,
        count(|answer| matches!(answer, Answer::Acknowledged(..))),
        count(|answer| matches!(answer, Answer::Unconfirmed(_))),
        count(|answer| matches!(answer, Answer::Rejected(_))),
        count(|answer| matches!(answer, Answer::Got { .. })),
        count(|answer| matches!(answer, Answer::Got { from_peer: true, .. })),
        count(|answer| *answer == Answer::Failed),
        count(|answer| *answer == Answer::Absent),
        torture.removals.load(Ordering::Relaxed),
    )
}

//! Measures the program as people run it, by its commands and over HTTP, to the end of each.
//!
//! `cargo bench --bench commands [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and files")]

#[path = "../shared/content.rs"]
mod content;
mod folder;
mod large;
#[path = "../../tests/support/bench.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod nodes;
#[path = "../large/pipe.rs"]
#[expect(dead_code, reason = "what the pipe costs is a matter of `large`")]
mod pipe;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nodes::{Bench, Node};

const METHOD: &str = "\
Three nodes on loopback: an origin and two peers, each with a directory on the disk that holds target/, or in the
directory that BENCH_DIR names. Each command is a process of its own, and its time is from its start to its end. A put
ends when all three nodes have the file durably. Before a get the copies of the origin are deleted, unless it says
otherwise. Rounds of everything take turns; figures are medians, and ratios are medians of the ratios of one round.
";

fn main() {
    match process::role() {
        Some(role) if role[0] == pipe::HOLDER => pipe::hold(&role[1]),
        Some(role) => pipe::originate(&role[1..]),
        None if std::env::args().any(|argument| argument == "--bench") => bench(),
        None => println!("run this with `cargo bench`"),
    }
}

fn bench() {
    let rounds = process::rounds();
    println!("{METHOD}");
    tempfile::env::override_temp_dir(&process::root()).expect("nothing has asked for it");
    let content = PathBuf::from(process::empty_dir("content"));
    large::bench(&content, rounds);
    folder::bench(&content, rounds);
    drop(std::fs::remove_dir_all(content));
}

/// Three nodes of one layout. They end with this value.
struct Cluster {
    bench: Bench,
    origin: Node,
    peers: [Node; 2],
}

impl Cluster {
    /// Starts the nodes, of which the origin is served over HTTP too, and waits until they are connected.
    fn start(layout: &str) -> Self {
        let bench = Bench::new();
        let peers = ["peer-1", "peer-2"].map(|name| bench.node_with(name, &[], &["--layout", layout]));
        let origin = bench.node_with("origin", &[&peers[0], &peers[1]], &["--layout", layout, "--http", "127.0.0.1:0"]);
        origin.connected(&bench, 2);
        Self { bench, origin, peers }
    }

    /// Runs a command on the origin, and returns how many seconds it took.
    fn time(&self, arguments: &[&str]) -> f64 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dacapo"));
        command.env("DACAPO_DATA", &self.origin.data).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        time(|| {
            let status = command.status().expect("the program starts");
            assert!(status.success(), "{arguments:?}: {status}");
        })
    }

    /// Returns the processor seconds that all three nodes have used so far.
    fn cpu_seconds(&self) -> f64 {
        self.processes().map(process::cpu_seconds).sum()
    }

    /// Returns the largest resident memory of any node so far, in MiB.
    fn peak_mib(&self) -> f64 {
        self.processes().map(process::peak_mib).fold(0.0, f64::max)
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        self.peers.iter().chain([&self.origin]).map(|node| node.child.id())
    }
}

/// Returns how many seconds it takes, without the writing of what was there before.
fn time(work: impl FnOnce()) -> f64 {
    rustix::fs::sync();
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Returns a path as text.
fn text(path: &Path) -> &str {
    path.to_str().expect("the directories of benchmarks have plain names")
}

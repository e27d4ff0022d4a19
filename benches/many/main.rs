//! Measures what 100,000 files cost a node that has them: starting, comparing with a peer that holds them all, listing.
//!
//! `cargo bench --bench many [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and files")]

mod catalogs;
#[path = "../shared/counting.rs"]
mod counting;
#[path = "../shared/node.rs"]
#[expect(dead_code, reason = "the cluster of three is not used here")]
mod node;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use std::time::{Duration, Instant};

use dacapo::node::{Handle, Progress};
use node::ROLE;
use process::Process;
use table::{Table, median};

const METHOD: &str = "\
The catalog of an owner has 100,000 files, and the catalog of a peer has their replicas; the files themselves do not
exist, and nothing here reads them. Each node is a process of its own. Start: from the start of the process until the
node listens and is connected with the other one. Compare: from then on until the owner knows that its peer is current;
in this time both sides make their summaries from the catalog, and agree by 16 bytes. List: every file, page by page,
with a look at the disk for each. Figures are medians.
";

const FILES: u32 = 100_000;

fn main() {
    match process::role() {
        Some(role) => node::run(&role[1..], &obey),
        None if std::env::args().any(|argument| argument == "--bench") => bench(),
        None => println!("run this with `cargo bench`"),
    }
}

fn bench() {
    let rounds = process::rounds();
    println!("{METHOD}");
    let (owner_dir, peer_dir) = (process::empty_dir("many-owner"), process::empty_dir("many-peer"));
    let catalog_mib = catalogs::make(&owner_dir, &peer_dir, FILES);
    let mut figures: Vec<[f64; 7]> = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let (peer, address) = Process::start(&[ROLE, "folders", &peer_dir]);
        let peer_start = begun.elapsed();
        let begun = Instant::now();
        let (mut owner, _) = Process::start(&[ROLE, "folders", &owner_dir, &address]);
        let owner_start = begun.elapsed();
        let compared = owner.ask_numbers("compare")[0];
        let listed = owner.ask_numbers("list");
        assert!((listed[0] - f64::from(FILES)).abs() < 0.5, "all files are listed");
        figures.push([
            millis(owner_start),
            millis(peer_start),
            compared,
            listed[1],
            owner.peak_mib(),
            peer.peak_mib(),
            owner.cpu_seconds(),
        ]);
    }
    let figure = |index: usize| median(figures.iter().map(|round| round[index]));
    let mut table = Table::new(&["", "owner", "peer"]);
    table.row("catalog, MiB", &[format!("{:.1}", catalog_mib.0), format!("{:.1}", catalog_mib.1)]);
    table.row("start, ms", &[format!("{:.0}", figure(0)), format!("{:.0}", figure(1))]);
    table.row("compare, ms", &[format!("{:.0}", figure(2))]);
    table.row("list, ms", &[format!("{:.0}", figure(3))]);
    table.row("peak memory, MiB", &[format!("{:.1}", figure(4)), format!("{:.1}", figure(5))]);
    table.row("CPU-seconds in all", &[format!("{:.2}", figure(6))]);
    table.print();
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

async fn obey(handle: &Handle, words: &[&str]) -> String {
    let begun = Instant::now();
    match words {
        ["compare"] => {
            while handle.peers().await.iter().any(|peer| peer.progress != Progress::Current) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            format!("{}", millis(begun.elapsed()))
        }
        ["list"] => {
            let (mut count, mut after) = (0, None);
            loop {
                let page = handle.list(after.as_ref()).await.expect("the disk works");
                let Some(last) = page.last() else { break };
                after = Some(last.key.clone());
                count += page.len();
            }
            format!("{count} {}", millis(begun.elapsed()))
        }
        other => panic!("no such command: {other:?}"),
    }
}

//! How many small files a second are stored at two peers and come back, beside what the disk can do.
//!
//! `cargo bench --bench small [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and files")]

mod bare;
mod commands;
#[path = "../shared/node.rs"]
mod node;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use node::Cluster;
use table::{Table, median};

const METHOD: &str = "\
1,000 files of 22 bytes, in the document's layout (8 folders of 5 digits at the owner, 6 at a peer), by one
caller and by 16. A store ends when three processes have it durably on their directories. Then the local copies
are deleted, and each get brings one back from a peer, durably. The bare disk makes the same folders, writes the
same bytes and syncs each file and each directory that changed, once: one thread per caller and directory, no
network, no cipher, no catalog, no temporary name. Node and bare disk take turns; figures are medians, ratios are
medians of the ratios of one turn.
";

const FILES: u32 = 1000;
const CALLERS: [usize; 2] = [1, 16];

/// The figures of one turn.
struct Turn {
    stores: f64,
    gets: f64,
    /// Processor seconds of all processes for all stores, and for all gets.
    cpu: (f64, f64),
    /// The largest resident memory of the origin and of the larger peer.
    peaks_mib: (f64, f64),
}

fn main() {
    match process::role() {
        Some(role) => node::run(&role[1..], &commands::obey),
        None if std::env::args().any(|argument| argument == "--bench") => bench(),
        None => println!("run this with `cargo bench`"),
    }
}

fn bench() {
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3);
    println!("{METHOD}");
    let fdatasync = median((0..rounds).map(|_| bare::sync_millis()));
    println!("  fdatasync of 22 new bytes: {fdatasync:.2} ms\n");
    for callers in CALLERS {
        let turns: Vec<_> = (0..rounds).map(|_| (node_turn(callers), bare_turn(callers))).collect();
        print(callers, &turns);
    }
}

fn node_turn(callers: usize) -> Turn {
    let mut cluster = Cluster::start();
    let start = cluster.cpu_seconds();
    let stores = cluster.origin.ask_numbers(&format!("store {FILES} {callers}"))[0];
    let stored = cluster.cpu_seconds();
    assert_eq!(cluster.origin.ask(&format!("delete {FILES}")), "deleted");
    let deleted = cluster.cpu_seconds();
    let gets = cluster.origin.ask_numbers(&format!("get {FILES} {callers}"))[0];
    let fetched = cluster.cpu_seconds();
    let files = f64::from(FILES);
    let (cpu, peaks_mib) = ((stored - start, fetched - deleted), cluster.peaks_mib());
    Turn { stores: files / stores, gets: files / gets, cpu, peaks_mib }
}

/// Stores and gets a second of the bare disk.
fn bare_turn(callers: usize) -> (f64, f64) {
    let files = f64::from(FILES);
    let (stores, gets) = bare::run(FILES, callers);
    (files / stores, files / gets)
}

fn print(callers: usize, turns: &[(Turn, (f64, f64))]) {
    let name = format!("callers: {callers}, {} rounds", turns.len());
    let header = [&name, "stores/s", "gets/s", "store CPU ms", "get CPU ms", "origin MiB", "peer MiB"];
    let mut table = Table::new(&header);
    let middle = |digits: usize, figure: fn(&(Turn, (f64, f64))) -> f64| {
        format!("{:.digits$}", median(turns.iter().map(figure)))
    };
    let node = [
        middle(0, |(node, _)| node.stores),
        middle(0, |(node, _)| node.gets),
        middle(2, |(node, _)| node.cpu.0 * 1000.0 / f64::from(FILES)),
        middle(2, |(node, _)| node.cpu.1 * 1000.0 / f64::from(FILES)),
        middle(1, |(node, _)| node.peaks_mib.0),
        middle(1, |(node, _)| node.peaks_mib.1),
    ];
    table.row("node", &node);
    table.row("bare disk", &[middle(0, |(_, bare)| bare.0), middle(0, |(_, bare)| bare.1)]);
    let ratios = [middle(2, |(node, bare)| node.stores / bare.0), middle(2, |(node, bare)| node.gets / bare.1)];
    table.row("node / bare disk", &ratios);
    table.print();
}

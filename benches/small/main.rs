//! Measures how many small files a second are stored at two peers and come back, beside what the disk can do.
//!
//! `cargo bench --bench small [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and files")]

mod bare;
mod commands;
#[path = "../shared/counting.rs"]
mod counting;
#[path = "../shared/node.rs"]
mod node;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use dacapo::store::layout::Layout;
use node::Cluster;
use table::{Table, median};

const METHOD: &str = "\
Files of 22 bytes in both layouts, by 1, 16 and 64 callers: 1,000 files, or 8,000 if 64 callers store packed files.
A store ends when three processes have the file durably in their directories; syncs are those of all three for each
store. Then the local copies are deleted, and each get brings one back from a peer, durably; then each file is read once
more, from the local copy. The bare disk makes the folders of the layout `folders` (8 of 5 digits at the owner, 6 at a
peer) for 1,000 files, writes the same bytes and syncs each file and each changed directory once: one thread per caller
and directory, no network, no cipher, no catalog, no temporary name. Node and bare disk take turns; figures are medians,
and ratios are medians of the ratios of one turn.
";

const CALLERS: [usize; 3] = [1, 16, 64];

/// What one table measures.
#[derive(Clone, Copy)]
struct Setting {
    layout: Layout,
    callers: usize,
    files: u32,
}

/// How many files the bare disk writes, as folders.
const BARE_FILES: u32 = 1000;

/// The figures of one turn.
struct Turn {
    stores: f64,
    gets: f64,
    /// Reads a second of local copies.
    reads: f64,
    /// Syncs of all processes for each store.
    syncs: f64,
    /// Processor seconds of all processes for each store, and for each get.
    cpu: (f64, f64),
    /// The largest resident memory of the origin and of the larger peer, in MiB.
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
    let rounds = process::rounds();
    println!("{METHOD}");
    let fdatasync = median((0..rounds).map(|_| bare::sync_millis()));
    println!("  fdatasync of 22 new bytes: {fdatasync:.2} ms\n");
    for callers in CALLERS {
        for (layout, _) in Layout::ALL {
            let files = if layout == Layout::Packed && callers == 64 { 8000 } else { 1000 };
            let setting = Setting { layout, callers, files };
            let turns: Vec<_> = (0..rounds).map(|_| (node_turn(setting), bare_turn(setting))).collect();
            print(setting, &turns);
        }
    }
}

fn node_turn(Setting { layout, callers, files }: Setting) -> Turn {
    let mut cluster = Cluster::start(layout);
    let (start, syncs) = (cluster.cpu_seconds(), cluster.syncs());
    let stores = cluster.origin.ask_numbers(&format!("store {files} {callers}"))[0];
    let (stored, syncs) = (cluster.cpu_seconds(), cluster.syncs() - syncs);
    assert_eq!(cluster.origin.ask(&format!("delete {files}")), "deleted");
    let deleted = cluster.cpu_seconds();
    let gets = cluster.origin.ask_numbers(&format!("get {files} {callers}"))[0];
    let fetched = cluster.cpu_seconds();
    let reads = cluster.origin.ask_numbers(&format!("read {files} {callers}"))[0];
    let files = f64::from(files);
    let (cpu, peaks_mib) = (((stored - start) / files, (fetched - deleted) / files), cluster.peaks_mib());
    Turn { stores: files / stores, gets: files / gets, reads: files / reads, syncs: syncs / files, cpu, peaks_mib }
}

/// Returns the stores and gets a second of the bare disk.
fn bare_turn(Setting { callers, .. }: Setting) -> (f64, f64) {
    let (stores, gets) = bare::run(BARE_FILES, callers);
    (f64::from(BARE_FILES) / stores, f64::from(BARE_FILES) / gets)
}

fn print(Setting { layout, callers, files }: Setting, turns: &[(Turn, (f64, f64))]) {
    let name = format!("{layout}, {callers} callers, {files} files, {} rounds", turns.len());
    let header =
        [&name, "stores/s", "syncs", "gets/s", "reads/s", "store CPU ms", "get CPU ms", "origin MiB", "peer MiB"];
    let mut table = Table::new(&header);
    let middle = |digits: usize, figure: fn(&(Turn, (f64, f64))) -> f64| {
        format!("{:.digits$}", median(turns.iter().map(figure)))
    };
    let node = [
        middle(0, |(node, _)| node.stores),
        middle(1, |(node, _)| node.syncs),
        middle(0, |(node, _)| node.gets),
        middle(0, |(node, _)| node.reads),
        middle(2, |(node, _)| node.cpu.0 * 1000.0),
        middle(2, |(node, _)| node.cpu.1 * 1000.0),
        middle(1, |(node, _)| node.peaks_mib.0),
        middle(1, |(node, _)| node.peaks_mib.1),
    ];
    table.row("node", &node);
    table.row("bare disk", &[middle(0, |(_, bare)| bare.0), String::new(), middle(0, |(_, bare)| bare.1)]);
    let ratios =
        [middle(2, |(node, bare)| node.stores / bare.0), String::new(), middle(2, |(node, bare)| node.gets / bare.1)];
    table.row("node / bare disk", &ratios);
    table.print();
}

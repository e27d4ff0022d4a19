//! Measures how fast a large file is stored at two peers and comes back, beside what the machine can do.
//!
//! `cargo bench --bench large [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and files")]

mod blocks;
mod commands;
#[path = "../shared/content.rs"]
mod content;
#[path = "../shared/counting.rs"]
mod counting;
#[path = "../shared/node.rs"]
mod node;
mod pipe;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use dacapo::store::layout::Layout;
use node::Cluster;
use process::Process;
use table::{Table, median};

const METHOD: &str = "\
Three processes on loopback: an origin and two peers, each with a directory on the disk that holds target/.
The origin stores a file of random bytes, read from the page cache of the same disk; a store ends when all three
copies are synced. The origin then deletes its copy and gets the file back, verified, decrypted and synced. In `read`
the caller reads what came back and compares it with the file. The pipe does only the work that this takes: read, write,
AES-256-CTR, BLAKE3, and plain TCP to two holders that hash, write and sync, and back. Node and pipe take turns; figures
are medians, and ratios are medians of the ratios of one turn.
";

const SIZES_MIB: [u32; 2] = [256, 1024];

/// The figures of one turn.
#[derive(Clone, Copy)]
struct Turn {
    store: f64,
    fetch: f64,
    read: f64,
    store_cpu: f64,
    fetch_cpu: f64,
    origin_mib: f64,
    peer_mib: f64,
}

fn main() {
    match process::role() {
        Some(role) if role[0] == node::ROLE => node::run(&role[1..], &commands::obey),
        Some(role) if role[0] == pipe::HOLDER => pipe::hold(&role[1]),
        Some(role) => pipe::originate(&role[1..]),
        None if std::env::args().any(|argument| argument == "--bench") => bench(),
        None => println!("run this with `cargo bench`"),
    }
}

fn bench() {
    let rounds = process::rounds();
    println!("{METHOD}");
    blocks::print();
    for mib in SIZES_MIB {
        let dir = process::empty_dir("content");
        let path = format!("{dir}/{mib}");
        content::make(&path, (mib as usize) << 20, u64::from(mib));
        let mut turns = Vec::new();
        for _ in 0..rounds {
            turns.push((node_turn(&path, mib), pipe_turn(&path, mib)));
        }
        drop(std::fs::remove_dir_all(dir));
        print(mib, &turns);
    }
}

fn node_turn(path: &str, mib: u32) -> Turn {
    let mut cluster = Cluster::start(Layout::Folders);
    turn(&mut cluster, path, mib, |cluster| &mut cluster.origin, Cluster::cpu_seconds, Cluster::peaks_mib)
}

fn pipe_turn(path: &str, mib: u32) -> Turn {
    let mut pipe = pipe::Pipe::start();
    turn(&mut pipe, path, mib, |pipe| &mut pipe.origin, pipe::Pipe::cpu_seconds, pipe::Pipe::peaks_mib)
}

fn turn<C>(
    cluster: &mut C,
    path: &str,
    mib: u32,
    origin: impl Fn(&mut C) -> &mut Process,
    cpu_seconds: impl Fn(&C) -> f64,
    peaks_mib: impl Fn(&C) -> (f64, f64),
) -> Turn {
    let (mib, gib) = (f64::from(mib), f64::from(mib) / 1024.0);
    let start = cpu_seconds(cluster);
    let store = mib / origin(cluster).ask_numbers(&format!("store {path}"))[0];
    let stored = cpu_seconds(cluster);
    assert_eq!(origin(cluster).ask("delete"), "deleted");
    let deleted = cpu_seconds(cluster);
    let fetch = mib / origin(cluster).ask_numbers("get")[0];
    let fetched = cpu_seconds(cluster);
    let read = mib / origin(cluster).ask_numbers(&format!("read {path}"))[0];
    let (origin_mib, peer_mib) = peaks_mib(cluster);
    let (store_cpu, fetch_cpu) = ((stored - start) / gib, (fetched - deleted) / gib);
    Turn { store, fetch, read, store_cpu, fetch_cpu, origin_mib, peer_mib }
}

/// One figure of a turn.
type Column = fn(&Turn) -> f64;

/// What a row shows in a column: the node's figure, the pipe's, or their ratio.
type Figure<'a> = dyn Fn(&(Turn, Turn), Column) -> f64 + 'a;

fn print(mib: u32, turns: &[(Turn, Turn)]) {
    let name = format!("{mib} MiB, {} rounds", turns.len());
    let mut table = Table::new(&[
        &name,
        "store MiB/s",
        "fetch MiB/s",
        "read MiB/s",
        "store CPU s/GiB",
        "fetch CPU s/GiB",
        "origin MiB",
        "peer MiB",
    ]);
    let columns: [(Column, usize); 7] = [
        (|turn| turn.store, 0),
        (|turn| turn.fetch, 0),
        (|turn| turn.read, 0),
        (|turn| turn.store_cpu, 2),
        (|turn| turn.fetch_cpu, 2),
        (|turn| turn.origin_mib, 1),
        (|turn| turn.peer_mib, 1),
    ];
    let row = |figure: &Figure<'_>, digits: Option<usize>| -> Vec<String> {
        let cell = |&(column, own): &(Column, usize)| {
            let value = median(turns.iter().map(|turn| figure(turn, column)));
            format!("{value:.*}", digits.unwrap_or(own))
        };
        columns.iter().map(cell).collect()
    };
    table.row("node", &row(&|(node, _), column| column(node), None));
    table.row("bare pipe", &row(&|(_, pipe), column| column(pipe), None));
    table.row("node / pipe", &row(&|(node, pipe), column| column(node) / column(pipe), Some(2)));
    table.print();
}

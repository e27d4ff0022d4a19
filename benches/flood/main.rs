//! Measures what a node still does for its peers while strangers flood it with connections.
//!
//! `cargo bench --bench flood [-- rounds]`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads real clocks and sockets")]

mod attack;
#[path = "../small/commands.rs"]
mod commands;
#[path = "../shared/counting.rs"]
mod counting;
#[path = "../shared/node.rs"]
mod node;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use std::time::Instant;

use attack::Kind;
use dacapo::store::layout::Layout;
use node::Cluster;
use process::Process;
use table::{Table, median};

const METHOD: &str = "\
An origin with 16 callers stores 8,000 packed files of 22 bytes at two peers, deletes its copies and fetches each back
from a peer. Meanwhile another process opens 1,000 connections a second to the first peer over the loopback, and holds
500 of them open. Silent connections say nothing, garbage ones say 64 random bytes, and cut ones say the first half of a
handshake message. Join is the time that a new node takes to connect with the flooded peer. All processes share this
machine, so the flood also takes processor time from the nodes. Undisturbed and flooded rounds take turns; figures are
medians, and ratios are to the undisturbed median.
";

const FILES: u32 = 8000;
const CALLERS: u32 = 16;

/// The figures of one turn.
struct Turn {
    stores: f64,
    gets: f64,
    join_ms: f64,
    /// How many connections a second were really opened.
    flood: f64,
    /// The largest resident memory of the flooded peer.
    peak_mib: f64,
}

fn main() {
    match process::role() {
        Some(role) if role[0] == attack::ROLE => attack::run(&role[1..]),
        Some(role) => node::run(&role[1..], &commands::obey),
        None if std::env::args().any(|argument| argument == "--bench") => bench(),
        None => println!("run this with `cargo bench`"),
    }
}

fn bench() {
    let rounds = process::rounds();
    println!("{METHOD}");
    let settings = [None, Some(Kind::Silent), Some(Kind::Garbage), Some(Kind::Cut)];
    let mut turns = settings.map(|_| Vec::new());
    for _ in 0..rounds {
        for (kind, turns) in settings.into_iter().zip(&mut turns) {
            turns.push(turn(kind));
        }
    }
    let name = format!("{rounds} rounds");
    let mut table = Table::new(&[&name, "flood/s", "stores/s", "ratio", "gets/s", "ratio", "join ms", "peak MiB"]);
    let middle = |turns: &[Turn], figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
    for (kind, flooded) in settings.into_iter().zip(&turns) {
        let ratio = |figure| format!("{:.2}", middle(flooded, figure) / middle(&turns[0], figure));
        let figure = |figure| format!("{:.0}", middle(flooded, figure));
        let cells = [
            figure(|turn| turn.flood),
            figure(|turn| turn.stores),
            ratio(|turn| turn.stores),
            figure(|turn| turn.gets),
            ratio(|turn| turn.gets),
            figure(|turn| turn.join_ms),
            format!("{:.1}", middle(flooded, |turn| turn.peak_mib)),
        ];
        table.row(kind.map_or("undisturbed", Kind::name), &cells);
    }
    table.print();
}

fn turn(kind: Option<Kind>) -> Turn {
    let mut cluster = Cluster::start(Layout::Packed);
    let victim = cluster.addresses[0].clone();
    let mut attacker = kind.map(|kind| Process::start(&[attack::ROLE, &victim, kind.name()]).0);
    let started = Instant::now();
    let stores = cluster.origin.ask_numbers(&format!("store {FILES} {CALLERS}"))[0];
    assert_eq!(cluster.origin.ask(&format!("delete {FILES}")), "deleted");
    let gets = cluster.origin.ask_numbers(&format!("get {FILES} {CALLERS}"))[0];
    let before = Instant::now();
    let dir = process::empty_dir("newcomer");
    drop(Process::start(&[node::ROLE, "packed", &dir, &victim]));
    let join_ms = before.elapsed().as_secs_f64() * 1000.0;
    let opened = attacker.as_mut().map_or(0.0, |attacker| attacker.ask_numbers("count")[0]);
    Turn {
        stores: f64::from(FILES) / stores,
        gets: f64::from(FILES) / gets,
        join_ms,
        flood: opened / started.elapsed().as_secs_f64(),
        peak_mib: cluster.peaks_mib().1,
    }
}

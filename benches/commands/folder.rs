//! A folder of many small files: stored, stored again, got back from peers and from here, and a peer that is new.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::nodes::wait_until;
use crate::table::{Table, median};
use crate::{Cluster, content, text, time};

const FILES: u32 = 10_000;

const FILE_BYTES: usize = 4096;

/// How many files a folder below the one that is stored has.
const FILES_A_FOLDER: u32 = 100;

/// How long each thing took one round, in seconds.
struct Round {
    put: f64,
    again: f64,
    get_from_peers: f64,
    get: f64,
    refill: f64,
    /// Three copies by `cp -r`.
    copies: f64,
    /// Processor seconds of the three nodes for the put, and for the get from peers.
    cpu: (f64, f64),
    peak_mib: f64,
}

pub(crate) fn bench(dir: &Path, rounds: usize) {
    let folder = dir.join("folder");
    for index in 0..FILES {
        let below = folder.join((index / FILES_A_FOLDER).to_string());
        fs::create_dir_all(&below).expect("the disk has room");
        let file = below.join(index.to_string());
        content::write(text(&file), FILE_BYTES, u64::from(index));
    }
    let rounds: Vec<_> = (0..rounds).map(|_| round(&folder, &dir.join("out"))).collect();
    print(&rounds);
}

fn round(folder: &Path, out: &Path) -> Round {
    let (folder, out) = (text(folder), text(out));
    let mut cluster = Cluster::start("packed");
    let get = |cluster: &Cluster| {
        let seconds = cluster.time(&["get", "-q", "-r", "f", out]);
        fs::remove_dir_all(out).expect("it was written");
        seconds
    };
    let start = cluster.cpu_seconds();
    let put = cluster.time(&["put", "-q", "-r", folder, "f"]);
    let stored = cluster.cpu_seconds();
    let again = cluster.time(&["put", "-q", "-r", folder, "f"]);
    let from_here = get(&cluster);
    cluster.time(&["rm", "-q", "-r", "f"]);
    let deleted = cluster.cpu_seconds();
    let get_from_peers = get(&cluster);
    let cpu = (stored - start, cluster.cpu_seconds() - deleted);
    let peak_mib = cluster.peak_mib();
    let refill = refill(&mut cluster);
    drop(cluster);
    Round { put, again, get_from_peers, get: from_here, refill, copies: copies(folder, out), cpu, peak_mib }
}

/// Replaces a peer by a new one at the same address. Returns how many seconds that one takes to hold every file, from
/// its start.
fn refill(cluster: &mut Cluster) -> f64 {
    let Cluster { bench, peers: [_, peer], .. } = cluster;
    peer.child.kill().expect("it runs");
    peer.wait();
    fs::remove_dir_all(&peer.data).expect("the disk works");
    let address = peer.address.clone();
    time(|| {
        *peer = bench.member_with("peer-2", &["--open-cluster", "--layout", "packed", "--listen", &address]);
        let held = format!("\"held_files\":{FILES},");
        wait_until("the new peer has every file", || bench.succeed(&peer.data, &["status", "--json"]).contains(&held));
    })
}

fn copies(folder: &str, out: &str) -> f64 {
    time(|| {
        for _ in 0..3 {
            let status = Command::new("cp").args(["-r", folder, out]).status().expect("cp starts");
            assert!(status.success(), "cp: {status}");
            // The next copy would go into a folder that is there.
            fs::rename(out, format!("{out}-copied")).expect("it was written");
            fs::remove_dir_all(format!("{out}-copied")).expect("it was written");
        }
    })
}

fn print(rounds: &[Round]) {
    let middle = |digits: usize, figure: fn(&Round) -> f64| format!("{:.digits$}", median(rounds.iter().map(figure)));
    let name = format!("{FILES} files of {FILE_BYTES} bytes, packed, {} rounds", rounds.len());
    let mut table = Table::new(&[&name, "files/s", "node CPU ms a file"]);
    let files = f64::from(FILES);
    let mut row = |name: &str, seconds: fn(&Round) -> f64, cpu: Option<fn(&Round) -> f64>| {
        let cpu = cpu.map(|cpu| format!("{:.2}", 1000.0 * median(rounds.iter().map(cpu)) / files));
        let rate = format!("{:.0}", files / median(rounds.iter().map(seconds)));
        table.row(name, &[&[rate], cpu.as_slice()].concat());
    };
    row("put -r", |round| round.put, Some(|round| round.cpu.0));
    row("put -r, unchanged", |round| round.again, None);
    row("get -r, from peers", |round| round.get_from_peers, Some(|round| round.cpu.1));
    row("get -r, from here", |round| round.get, None);
    row("a new peer is filled", |round| round.refill, None);
    row("cp -r, three times", |round| round.copies, None);
    table.row("put -r / cp -r", &[middle(2, |round| round.copies / round.put)]);
    table.row("get -r / cp -r once", &[middle(2, |round| round.copies / 3.0 / round.get_from_peers)]);
    table.row("largest node, MiB", &[middle(1, |round| round.peak_mib)]);
    table.print();
}

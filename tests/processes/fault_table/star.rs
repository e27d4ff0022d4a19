//! The star of the fault table: two holders and an owner as real processes, what breaks them, and the rows that the
//! owner's commands add to the table.

use std::fs;
use std::path::PathBuf;

use dacapo::node::Lane;
use dacapo::seed::{Rng, Seed};
use rustix::process::Signal;

use crate::support::bench::{Bench, Node, free_address, wait_until, without_versions};

/// Chosen: the tables of other systems, with which this one is compared, have files of this length.
const FILE_BYTES: usize = 8 << 20;

/// A replica is an IV and the content.
const SEALED_BYTES: u64 = FILE_BYTES as u64 + 16;

/// One row of the table: a command and what came of it.
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) command: &'static str,
    pub(crate) exit: i32,
    pub(crate) says: String,
}

/// Three nodes. The owner has stored one file, and both holders have it.
pub(crate) struct Star {
    pub(crate) bench: Bench,
    holders: [Option<Node>; 2],
    pub(crate) owner: Option<Node>,
    listen: [String; 3],
    ids: [String; 3],
    content: Vec<u8>,
    rows: Vec<Row>,
}

const NAMES: [&str; 3] = ["n1", "n2", "n3"];
const OWNER: usize = 2;

impl Star {
    pub(crate) fn new(number: u64) -> Self {
        let bench = Bench::new();
        let listen = NAMES.map(|_| free_address());
        let nodes: Vec<_> = (0..OWNER).map(|holder| bench.node_at(NAMES[holder], &listen[holder], &[])).collect();
        let owner = bench.node_at(NAMES[OWNER], &listen[OWNER], &listen[..OWNER]);
        owner.connected(&bench, OWNER);
        let ids = [nodes[0].short_id(), nodes[1].short_id(), owner.short_id()];
        let mut content = vec![0; FILE_BYTES];
        Seed::from_u64(number).rng(Lane::Iv).fill_bytes(&mut content);
        bench.file("content", &content);
        let mut nodes = nodes.into_iter().map(Some);
        let holders = [nodes.next().flatten(), nodes.next().flatten()];
        let star = Self { bench, holders, owner: Some(owner), listen, ids, content, rows: Vec::new() };
        let file = star.bench.path("content");
        let put = star.bench.succeed(&star.data(OWNER), &["put", "file", file.to_str().expect("a plain path")]);
        assert_eq!(without_versions(put), "stored file v#, 8.0 MiB (8,388,608 bytes), 2 of 2 peers\n");
        star
    }

    pub(crate) fn rows(self) -> Vec<Row> {
        self.rows
    }

    /// Kills a holder and waits until the owner has noticed.
    pub(crate) fn kill(&mut self, holder: usize) {
        let mut node = self.holders[holder].take().expect("it runs");
        node.signal(Signal::KILL);
        node.wait();
        self.connected(self.holders.iter().flatten().count());
    }

    /// Starts a killed holder again.
    pub(crate) fn start(&mut self, holder: usize) {
        self.holders[holder] = Some(self.bench.node_at(NAMES[holder], &self.listen[holder], &[]));
        self.connected(self.holders.iter().flatten().count());
    }

    pub(crate) fn signal(&self, holder: usize, signal: Signal) {
        self.holders[holder].as_ref().expect("it runs").signal(signal);
    }

    pub(crate) fn restart_owner(&mut self) {
        let mut owner = self.owner.take().expect("it runs");
        owner.signal(Signal::KILL);
        owner.wait();
        self.owner = Some(self.bench.node_at(NAMES[OWNER], &self.listen[OWNER], &self.listen[..OWNER]));
        self.connected(self.holders.iter().flatten().count());
    }

    pub(crate) fn connected(&self, peers: usize) {
        self.owner.as_ref().expect("it runs").connected(&self.bench, peers);
    }

    /// Removes the local copy, so that a get has to ask the holders.
    pub(crate) fn remove(&self) {
        self.bench.succeed(&self.data(OWNER), &["rm", "file"]);
    }

    /// Returns the file with the replica of a holder.
    pub(crate) fn replica(&self, holder: usize) -> PathBuf {
        self.find(holder, SEALED_BYTES)
    }

    /// Returns the file with the local copy of the owner.
    pub(crate) fn local_copy(&self) -> PathBuf {
        self.find(OWNER, FILE_BYTES as u64)
    }

    fn find(&self, node: usize, len: u64) -> PathBuf {
        self.look_for(node, len).unwrap_or_else(|| panic!("{} has no file of {len} bytes", NAMES[node]))
    }

    fn look_for(&self, node: usize, len: u64) -> Option<PathBuf> {
        let mut folders = vec![self.data(node)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry")) {
                let kind = entry.file_type().expect("it exists");
                if kind.is_dir() && entry.file_name() != "quarantine" {
                    folders.push(entry.path());
                } else if kind.is_file() && entry.metadata().expect("it exists").len() == len {
                    return Some(entry.path());
                }
            }
        }
        None
    }

    /// Waits until the owner calls every connected holder current.
    pub(crate) fn healed(&self) {
        let holders = self.holders.iter().flatten().count();
        wait_until("the holders are current", || {
            let peers = self.bench.succeed(&self.data(OWNER), &["peers", "--json"]);
            peers.matches("\"current\":true").count() == holders
        });
    }

    /// Waits until a holder has the replica in its place again.
    pub(crate) fn mended(&self, holder: usize) {
        wait_until("the replica is sent again", || self.look_for(holder, SEALED_BYTES).is_some());
    }

    /// Lets a holder scrub its own disk.
    pub(crate) fn scrub(&mut self, holder: usize, fault: &'static str, exit: i32) {
        self.run_at(holder, fault, "scrub", &["scrub"], exit);
    }

    /// Gets the file. With exit code 0 the bytes have to be right; with any other, nothing may be written.
    pub(crate) fn get(&mut self, fault: &'static str, exit: i32) {
        let output = self.bench.path("output");
        let words = ["get", "file", "-o", output.to_str().expect("a plain path")];
        self.run(fault, "get", &words, exit);
        if exit == 0 {
            assert!(fs::read(&output).expect("written") == self.content, "{fault}: wrong bytes");
            fs::remove_file(&output).expect("it is there");
        } else {
            assert!(!output.exists(), "{fault}: a failed get wrote something");
        }
    }

    /// Stores the file again, with other content.
    pub(crate) fn put(&mut self, fault: &'static str) {
        self.content[0] ^= 1;
        let file = self.bench.file("content", &self.content);
        self.run(fault, "put", &["put", "file", file.to_str().expect("a plain path")], 0);
    }

    /// Tries to remove the local copy, which has to be refused.
    pub(crate) fn remove_refused(&mut self, fault: &'static str) {
        self.run(fault, "rm", &["rm", "file"], 4);
    }

    fn run(&mut self, fault: &'static str, command: &'static str, arguments: &[&str], exit: i32) {
        self.run_at(OWNER, fault, command, arguments, exit);
    }

    fn run_at(&mut self, node: usize, fault: &'static str, command: &'static str, arguments: &[&str], exit: i32) {
        let ended = self.bench.run(&self.data(node), arguments);
        let said = [ended.stderr, String::from_utf8_lossy(&ended.stdout).into_owned()].concat();
        let mut says = said.lines().collect::<Vec<_>>().join("; ");
        for (id, name) in self.ids.iter().zip(NAMES) {
            says = says.replace(id, name);
        }
        // Peers stand in the order of their ids, which each run draws anew.
        says = says.replace("n2 (it is away), n1 (it is away)", "n1 (it is away), n2 (it is away)");
        assert_eq!(ended.code, Some(exit), "{fault}, {command}: {says}");
        assert_eq!(exit != 0, says.contains("error: "), "{fault}, {command}: {says}");
        self.rows.push(Row { fault, command, exit, says });
    }

    fn data(&self, node: usize) -> PathBuf {
        self.bench.path(NAMES[node])
    }
}

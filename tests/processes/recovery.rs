//! A machine is lost: every file comes back from the identity and one peer.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::support::bench::{Bench, Ended, Node, wait_until};

const PASSPHRASE: &[u8] = b"correct horse battery staple\n";

/// Starts two nodes in a cluster with a secret. The second holds what the first stores.
pub(super) fn cluster(bench: &Bench) -> [Node; 2] {
    bench.succeed(&bench.path("n1"), &["--quiet", "init"]);
    let first = bench.member("n1");
    invite(bench, &first, "n2");
    let second = bench.member("n2");
    second.connected(bench, 1);
    [first, second]
}

/// Has a node invite a new one, whose directory joins the cluster.
pub(super) fn invite(bench: &Bench, by: &Node, name: &str) {
    let invitation = bench.succeed(&by.data, &["invite"]);
    bench.run_with_input(&bench.path(name), &["join"], invitation.as_bytes());
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Backs up the identity of a data directory. Returns the backup, and the file with its passphrase.
fn back_up(bench: &Bench, data: &Path) -> (PathBuf, PathBuf) {
    let (backup, passphrase) = (bench.path("backup"), bench.file("passphrase", PASSPHRASE));
    bench.succeed(data, &["-q", "identity", "export", "-o", text(&backup), "--passphrase-file", text(&passphrase)]);
    (backup, passphrase)
}

fn recover(bench: &Bench, data: &Path, identity: &Path, peer: &Node, more: &[&str]) -> Ended {
    let arguments = ["recover", "--identity", text(identity), "--peer", &peer.address];
    bench.run(data, &[&arguments, more].concat())
}

/// Returns everything that `ls` says of each file, by the name of the file.
pub(super) fn listing(bench: &Bench, data: &Path) -> BTreeMap<String, serde_json::Value> {
    let lines = bench.succeed(data, &["ls", "--json"]);
    let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    rows.map(|row| (row["key"].as_str().expect("a key").to_owned(), row)).collect()
}

pub(super) fn content(index: usize) -> Vec<u8> {
    vec![u8::try_from(index % 251).expect("small"); if index == 0 { 3_000_000 } else { 20 + index * 7 }]
}

pub(super) fn store(bench: &Bench, node: &Node, files: usize) {
    for index in 0..files {
        let file = bench.file("content", &content(index));
        bench.succeed(&node.data, &["put", &format!("file {index}"), text(&file), "--min-replicas", "1"]);
    }
}

/// What is left of a lost machine, and what was on it.
struct Lost {
    before: BTreeMap<String, serde_json::Value>,
    backup: PathBuf,
    passphrase: PathBuf,
    peer: Node,
}

/// Stores files on a node, backs up its identity, and removes its directory.
fn lose(bench: &Bench, files: usize) -> Lost {
    let [mut first, peer] = cluster(bench);
    store(bench, &first, files);
    let before = listing(bench, &first.data);
    let (backup, passphrase) = back_up(bench, &first.data);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    fs::remove_dir_all(&first.data).expect("it was there");
    Lost { before, backup, passphrase, peer }
}

#[test]
fn everything_comes_back_from_the_backup_and_one_peer() {
    let bench = Bench::new();
    let Lost { before, backup, passphrase, peer: second } = lose(&bench, 20);
    let data = bench.path("new");
    let ended = recover(&bench, &data, &backup, &second, &["--passphrase-file", text(&passphrase)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let bytes: usize = (0..20).map(|index| content(index).len()).sum();
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("recovered 20 files, "), "{bytes} bytes");
    drop(second);
    // The peer is gone too, so that every file comes from the new directory.
    let again = bench.member("new");
    assert_eq!(listing(&bench, &again.data), before);
    for index in 0..20 {
        let got = bench.run(&again.data, &["get", &format!("file {index}")]);
        assert!(got.stdout == content(index), "file {index}");
    }
}

/// Returns the replicas of the owner's files on the disk of a holder.
fn replicas(holder: &Node, owner: &str) -> Vec<PathBuf> {
    let (mut folders, mut replicas) = (vec![holder.data.join(owner)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() { folders.push(entry) } else { replicas.push(entry) }
        }
    }
    replicas.sort();
    replicas
}

fn name_of(replica: &Path) -> &str {
    text(replica).rsplit('/').next().expect("a name")
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a replica");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(path, bytes).expect("written");
}

#[test]
fn files_that_are_damaged_or_gone_at_every_peer_are_named() {
    let bench = Bench::new();
    let holders = [bench.node("n2", &[]), bench.node("n3", &[])];
    let mut first = bench.node("n1", &[&holders[0], &holders[1]]);
    first.connected(&bench, 2);
    store(&bench, &first, 10);
    let known = bench.succeed(&holders[0].data, &["peers", "--json"]);
    let owner: serde_json::Value = serde_json::from_str(known.lines().next().expect("a peer")).expect("JSON");
    let owner = owner["peer"].as_str().expect("an id").to_owned();
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let [near, far] = holders.each_ref().map(|holder| replicas(holder, &owner));
    assert_eq!((near.len(), far.len()), (10, 10));
    // Of one file both copies are damaged, of one both are gone; of a third only one is, and the other serves.
    flip(&near[2]);
    flip(&far[2]);
    fs::remove_file(&near[5]).expect("removed");
    fs::remove_file(&far[5]).expect("removed");
    flip(&near[7]);
    let identity = first.data.join("identity");
    let more = ["--open-cluster", "--peer", &holders[1].address];
    let ended = recover(&bench, &bench.path("new"), &identity, &holders[0], &more);
    let stdout = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.code == Some(1) && stdout.starts_with("recovered 8 files, "), "{stdout}{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [first, second, error] = lines[..] else { panic!("{}", ended.stderr) };
    for (line, replica) in [(first, &near[2]), (second, &near[5])] {
        let (short, shorter) = (holders[0].short_id(), holders[1].short_id());
        let is_told = line.starts_with(name_of(replica)) && line.contains(&short) && line.contains(&shorter);
        assert!(is_told, "{line} tells of {}", name_of(replica));
    }
    let expected = "error: peers list 2 files more, and what they have is damaged or gone; the same command goes on";
    assert_eq!(error, expected);
}

#[test]
fn a_newer_version_that_is_damaged_is_told_by_its_key() {
    let bench = Bench::new();
    let mut near = bench.node("n2", &[]);
    let mut first = bench.node("n1", &[&near]);
    first.connected(&bench, 1);
    store(&bench, &first, 1);
    bench.succeed(&near.data, &["stop"]);
    near.wait();
    let far = bench.node("n3", &[]);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let mut first = bench.node("n1", &[&far]);
    first.connected(&bench, 1);
    let file = bench.file("content", b"newer");
    bench.succeed(&first.data, &["put", "file 0", text(&file), "--min-replicas", "1"]);
    let known = bench.succeed(&far.data, &["peers", "--json"]);
    let owner: serde_json::Value = serde_json::from_str(known.lines().next().expect("a peer")).expect("JSON");
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    flip(&replicas(&far, owner["peer"].as_str().expect("an id"))[0]);
    let near = bench.node("n2", &[]);
    let more = ["--open-cluster", "--peer", &far.address];
    let ended = recover(&bench, &bench.path("new"), &first.data.join("identity"), &near, &more);
    let line = ended.stderr.lines().next().expect("a line").to_owned();
    assert!(
        ended.code == Some(1) && line.starts_with("file 0, newer than what came back: v") && line.contains(": peer "),
        "{line}"
    );
}

#[test]
fn a_recovery_that_was_killed_goes_on() {
    let bench = Bench::new();
    let Lost { before, backup, passphrase, peer: second } = lose(&bench, 60);
    let data = bench.path("new");
    let arguments =
        ["recover", "--identity", text(&backup), "--peer", &second.address, "--passphrase-file", text(&passphrase)];
    for pause_ms in [0, 700, 900, 1100, 1300] {
        let mut running = bench.spawn(&data, &arguments, std::process::Stdio::null());
        wait_until("the command has begun", || data.join("identity").exists());
        sleep(Duration::from_millis(pause_ms));
        // The recovery may have ended already.
        drop(running.child().kill());
        running.end();
    }
    let ended = bench.run(&data, &arguments);
    // A kill in the middle of a commit leaves something to finish, and the next start says so.
    let is_of_a_kill = |line: &str| {
        let (_time, said) = line.split_once(' ').unwrap_or_default();
        said.starts_with("warning: recovered from a crash: ")
    };
    let mut lines: Vec<_> = ended.stderr.lines().collect();
    lines.pop_if(|line| is_of_a_kill(line));
    assert_eq!((ended.code, lines), (Some(0), Vec::new()));
    let again = bench.member("new");
    assert_eq!(listing(&bench, &again.data), before);
}

#[test]
fn an_identity_that_was_copied_is_enough_where_the_cluster_is_said() {
    let bench = Bench::new();
    let holder = bench.node("n2", &[]);
    let mut first = bench.node("n1", &[&holder]);
    first.connected(&bench, 1);
    store(&bench, &first, 3);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let identity = first.data.join("identity");
    let unknown = recover(&bench, &bench.path("new"), &identity, &holder, &[]);
    assert!(unknown.stderr.contains("the cluster of this identity is not known"), "{}", unknown.stderr);
    let ended = recover(&bench, &bench.path("new"), &identity, &holder, &["--open-cluster", "--layout", "packed"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_recovery_that_cannot_begin_says_why_and_makes_nothing() {
    let bench = Bench::new();
    let [first, second] = cluster(&bench);
    let (backup, passphrase) = back_up(&bench, &first.data);
    let data = bench.path("new");
    let wrong = bench.file("wrong", b"correct horse battery stapl\n");
    let mistyped = fs::read_to_string(&backup).expect("text").replace("\n03 ", "\n03 0");
    let mistyped = bench.file("mistyped", mistyped.as_bytes());
    for (identity, passphrase, why) in [
        (&backup, &wrong, "the passphrase is not that of the backup"),
        (&mistyped, &passphrase, "line 03 has to be 40 digits"),
        (&passphrase, &passphrase, "neither a backup of an identity nor an identity"),
    ] {
        let ended = recover(&bench, &data, identity, &second, &["--passphrase-file", text(passphrase)]);
        assert!(ended.code == Some(1) && ended.stderr.contains(why), "{}", ended.stderr);
        assert!(!data.exists());
    }
    let taken = recover(&bench, &second.data, &backup, &second, &["--passphrase-file", text(&passphrase)]);
    assert!(taken.stderr.contains("is in use by a node or another command"), "{}", taken.stderr);
    let short = bench.file("short", b"1234567\n");
    let refused = bench.run(&first.data, &["identity", "export", "--passphrase-file", text(&short)]);
    assert!(refused.stderr.contains("at least 8 characters"), "{}", refused.stderr);
    let shown = bench.succeed(&first.data, &["identity", "export", "--passphrase-file", text(&passphrase)]);
    for file in ["identity", "cluster"] {
        let secret = fs::read_to_string(first.data.join(file)).expect("text");
        assert!(!shown.contains(secret.lines().nth(1).expect("a secret")), "{shown}");
    }
}

#[test]
fn a_peer_that_could_not_be_asked_is_named() {
    let bench = Bench::new();
    let holders = [bench.node("n2", &[]), bench.node("n3", &[])];
    let mut first = bench.node("n1", &[&holders[0], &holders[1]]);
    first.connected(&bench, 2);
    store(&bench, &first, 3);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let [near, gone] = holders;
    let address = gone.address.clone();
    drop(gone);
    let identity = first.data.join("identity");
    let more = ["--open-cluster", "--peer", &address];
    let ended = recover(&bench, &bench.path("new"), &identity, &near, &more);
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "recovered 3 files, 2.8 MiB (3,000,061 bytes)\n");
    let expected = format!("error: {address} could not be asked, so there may be more; the same command goes on\n");
    assert!(ended.code == Some(1) && ended.stderr.ends_with(&expected), "{}", ended.stderr);
    // What has come is not recovered once more.
    let again = recover(&bench, &bench.path("new"), &identity, &near, &more);
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(told.starts_with("recovered 0 files, ") && told.ends_with("; here already: 3 files\n"), "{told}");
    let members = fs::read_to_string(bench.path("new").join("members")).expect("text");
    assert!(members.contains(&near.address) && !members.contains(&address), "{members}");
}

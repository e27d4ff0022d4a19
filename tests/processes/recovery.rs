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
fn cluster(bench: &Bench) -> [Node; 2] {
    bench.succeed(&bench.path("n1"), &["--quiet", "init"]);
    let first = bench.member("n1");
    let invitation = bench.succeed(&first.data, &["invite"]);
    bench.run_with_input(&bench.path("n2"), &["join"], invitation.as_bytes());
    let second = bench.member("n2");
    second.connected(bench, 1);
    [first, second]
}

fn text(path: &Path) -> &str {
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
fn listing(bench: &Bench, data: &Path) -> BTreeMap<String, serde_json::Value> {
    let lines = bench.succeed(data, &["ls", "--json"]);
    let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    rows.map(|row| (row["key"].as_str().expect("a key").to_owned(), row)).collect()
}

fn content(index: usize) -> Vec<u8> {
    vec![u8::try_from(index % 251).expect("small"); if index == 0 { 3_000_000 } else { 20 + index * 7 }]
}

fn store(bench: &Bench, node: &Node, files: usize) {
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
    let is_of_a_kill = |line: &str| line.starts_with("warning: recovered from a crash: ");
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
    assert!(taken.stderr.contains("is in use by another node"), "{}", taken.stderr);
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
fn a_new_identity_takes_all_files_and_nothing_is_left_of_the_old_one() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 8);
    let names = |listing: BTreeMap<String, serde_json::Value>| listing.into_keys().collect::<Vec<_>>();
    let before = names(listing(&bench, &first.data));
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let rotate = ["identity", "rotate", "--to", text(&new), "--listen", &first.address, "--wait-for", "1"];
    // The rotation is killed somewhere in between, and the second command goes on with it.
    let mut running = bench.spawn(&first.data, &rotate, std::process::Stdio::null());
    wait_until("the command has begun", || new.join("members").exists());
    sleep(Duration::from_millis(50));
    drop(running.child().kill());
    running.end();
    let ended = bench.run(&first.data, &rotate);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let node = bench.member("new");
    node.connected(&bench, 1);
    assert_eq!(names(listing(&bench, &new)), before);
    for index in 0..8 {
        bench.succeed(&new, &["rm", "--force", &format!("file {index}")]);
        let got = bench.run(&new, &["get", &format!("file {index}")]);
        assert!(got.stdout == content(index), "file {index} comes back from the peer");
    }
    let held = bench.succeed(&second.data, &["peers", "--json"]);
    let rows: Vec<serde_json::Value> = held.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let held: Vec<_> = rows
        .iter()
        .map(|row| (&row["connected"], &row["held_files"]))
        .map(|(is, files)| (is.clone(), files.clone()))
        .collect();
    assert!(held.contains(&(true.into(), 8.into())) && held.contains(&(false.into(), 0.into())), "{held:?}");
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
    let members = fs::read_to_string(bench.path("new").join("members")).expect("text");
    assert!(members.contains(&near.address) && !members.contains(&address), "{members}");
}

#[test]
fn a_new_identity_takes_nobody_elses_directory() {
    let bench = Bench::new();
    let [mut first, mut second] = cluster(&bench);
    store(&bench, &first, 1);
    for node in [&mut first, &mut second] {
        bench.succeed(&node.data, &["stop"]);
        node.wait();
    }
    let holder = bench.member_at("n2", &second.address);
    let other = bench.path("n4");
    bench.succeed(&other, &["--quiet", "init"]);
    let rotate = [
        "identity",
        "rotate",
        "--to",
        text(&other),
        "--listen",
        &first.address,
        "--peer",
        &holder.address,
        "--wait-for",
        "1",
    ];
    let refused = bench.run(&first.data, &rotate);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("is the directory of another node"),
        "{}",
        refused.stderr
    );
    let kept = bench.member_at("n1", &first.address);
    assert_eq!(listing(&bench, &kept.data).len(), 1);
}

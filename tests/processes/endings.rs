//! How nodes end, and what the next start finds.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::support::bench::{Bench, Running};

#[test]
fn signals_and_the_stop_command_stop_a_node_cleanly() {
    let bench = Bench::new();
    for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
        let mut node = bench.node("n1", &[]);
        match signal {
            Some(signal) => node.signal(signal),
            None => assert_eq!(bench.succeed(&node.data, &["stop"]), ""),
        }
        assert_eq!(node.wait().code(), Some(0), "{signal:?}");
        assert!(!node.socket().exists());
        assert!(node.events().ends_with("stopped\n"));
    }
}

/// Starts a node by a program that says first what becomes of a hangup, whatever the tests do with theirs.
fn node_by(bench: &Bench, data: &Path, program: &str, words: &[&str]) -> Running {
    let data = data.to_str().expect("a plain path");
    let node = [env!("CARGO_BIN_EXE_dacapo"), "node", "--open-cluster", "--listen", ":0", "--data", data];
    let mut node = bench.spawn_program(Path::new(program), &[words, &node[..]].concat());
    node.first_lines(1);
    node
}

#[test]
fn a_terminal_that_is_closed_stops_its_node_cleanly() {
    let bench = Bench::new();
    let data = bench.path("n1");
    let node = node_by(&bench, &data, "/usr/bin/env", &["--default-signal=HUP"]);
    node.signal(Signal::HUP);
    let ended = node.end();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.ends_with("stopped\n"), "{}", ended.stderr);
    assert!(!data.join("control.sock").exists());
}

#[test]
fn a_node_that_was_started_to_outlive_its_terminal_goes_on_after_a_hangup() {
    let bench = Bench::new();
    let data = bench.path("n1");
    let node = node_by(&bench, &data, "/bin/sh", &["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    node.signal(Signal::HUP);
    bench.run_with_input(&data, &["put", "k"], b"kept");
    assert_eq!(bench.succeed(&data, &["get", "k"]), "kept");
    bench.succeed(&data, &["stop"]);
    assert_eq!(node.end().code, Some(0));
}

#[test]
fn a_stopped_node_has_left_its_directory_when_the_stop_command_returns() {
    let bench = Bench::new();
    for _ in 0..5 {
        let node = bench.node("n1", &[]);
        bench.succeed(&node.data, &["stop"]);
        // Without any wait the next node takes the directory.
        let next = bench.node("n1", &[]);
        bench.succeed(&next.data, &["stop"]);
    }
}

#[test]
fn a_killed_node_comes_back_with_its_identity_and_its_files() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], b"kept");
    let id = node.short_id();
    node.signal(Signal::KILL);
    assert!(!node.wait().success());
    assert!(node.socket().exists(), "a killed node removes nothing");
    let orphaned = bench.run(&node.data, &["ls"]);
    assert_eq!(orphaned.code, Some(1));
    assert!(orphaned.stderr.starts_with("error: no node is running on "), "{}", orphaned.stderr);
    let node = bench.node("n1", &[]);
    assert_eq!(node.short_id(), id);
    assert_eq!(bench.succeed(&node.data, &["get", "k"]), "kept");
}

/// A node that dials nobody meets its peers only when they dial it.
#[test]
fn a_file_whose_holder_is_not_known_yet_is_not_called_absent() {
    let bench = Bench::new();
    let mut owner = bench.node("n1", &[]);
    let mut holder = bench.node("n2", &[&owner]);
    owner.connected(&bench, 1);
    let id = holder.short_id();
    bench.run_with_input(&owner.data, &["put", "k"], b"kept");
    bench.succeed(&owner.data, &["rm", "k"]);
    for node in [&mut holder, &mut owner] {
        node.signal(Signal::KILL);
        node.wait();
    }
    let owner = bench.node("n1", &[]);
    let ended = bench.run(&owner.data, &["get", "k"]);
    let expected = format!("error: k: not found so far: 1 of 1 peer could not be asked: {id} (it is away)\n");
    assert_eq!((ended.code, ended.stderr), (Some(1), expected));
    let _holder = bench.node("n2", &[&owner]);
    owner.connected(&bench, 1);
    assert_eq!(bench.succeed(&owner.data, &["get", "k"]), "kept");
}

#[test]
fn a_file_comes_back_to_an_empty_directory_with_the_identity() {
    let bench = Bench::new();
    let peer = bench.node("n1", &[]);
    let owner = bench.node("n2", &[&peer]);
    owner.connected(&bench, 1);
    bench.run_with_input(&owner.data, &["put", "k"], b"kept");
    bench.succeed(&owner.data, &["stop"]);
    fs::create_dir(bench.path("n3")).expect("a new directory");
    fs::copy(owner.data.join("identity"), bench.path("n3/identity")).expect("copied");
    let restored = bench.node("n3", &[&peer]);
    assert_eq!(restored.short_id(), owner.short_id());
    restored.connected(&bench, 1);
    assert_eq!(bench.succeed(&restored.data, &["get", "k"]), "kept");
}

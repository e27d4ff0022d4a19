//! What the commands do while nothing is broken.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::bench::{Bench, files_under, wait_until, without_versions};

const CONTENT: &[u8] = b"my big data file here!";

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[test]
fn three_processes_store_list_delete_and_get() {
    let bench = Bench::new();
    let [_first, _second, third] = bench.star();
    let file = bench.file("picture", CONTENT);
    let file = file.to_str().expect("a plain path");
    let run = |arguments: &[&str]| bench.succeed(&third.data, arguments);
    let stored = run(&["put", "picture_0.png", file]);
    assert_eq!(without_versions(stored), "stored picture_0.png v#, 22 bytes, 2 of 2 peers\n");
    assert_eq!(run(&["rm", "picture_0.png"]), "deleted the local copy of picture_0.png\n");
    let listed = run(&["ls"]);
    let words: Vec<_> = listed.lines().nth(1).expect("one file").split_whitespace().collect();
    assert_eq!((&words[..2], &words[4..]), (&["22", "B"][..], &["no", "picture_0.png"][..]));
    assert_eq!(run(&["get", "picture_0.png"]).as_bytes(), CONTENT);
    assert!(run(&["stat", "picture_0.png"]).contains("\nlocal    yes\n"));
    assert_eq!(run(&["peers"]).matches("connected").count(), 2);
    assert_eq!(run(&["--quiet", "store", "picture_0.png", file]), "");
    assert_eq!(run(&["list"]).lines().count(), 2);
}

#[test]
fn what_is_printed_as_json_parses() {
    let bench = Bench::new();
    let [_first, _second, third] = bench.star();
    let file = bench.file("picture", CONTENT);
    let file = file.to_str().expect("a plain path");
    let run = |arguments: &[&str]| json(&bench.succeed(&third.data, arguments));
    for name in ["a", "\"quoted\" \\ name", "écran/写真.png"] {
        let stored = &run(&["put", "--json", name, file])[0];
        assert_eq!((&stored["key"], &stored["size"], &stored["replicas"]), (&name.into(), &22.into(), &2.into()));
        assert!(stored["receipts"].as_array().expect("a list").iter().all(|receipt| receipt["outcome"] == "stored"));
    }
    let listed = run(&["ls", "--json"]);
    assert_eq!(listed.len(), 3);
    assert_eq!(run(&["stat", "--json", "a"]), [listed[1].clone()]);
    assert_eq!(run(&["peers", "--json"]).len(), 2);
    assert_eq!(run(&["rm", "--json", "a"])[0]["deleted"], true);
    let output = bench.path("out");
    let got = &run(&["get", "--json", "a", "-o", output.to_str().expect("a plain path")])[0];
    assert!(got["from"].is_string());
    let ended = bench.run(&third.data, &["get", "--json", "a"]);
    assert_eq!((ended.stdout.as_slice(), json(&ended.stderr)[0]["from"].clone()), (CONTENT, Value::Null));
}

#[test]
fn status_says_how_the_node_is_and_when_it_was_scrubbed_to_the_end() {
    let bench = Bench::new();
    let [_first, _second, mut third] = bench.star();
    let file = bench.file("picture", CONTENT);
    bench.succeed(&third.data, &["put", "a", file.to_str().expect("a plain path")]);
    let status = |data: &Path| json(&bench.succeed(data, &["status", "--json"])).remove(0);
    let before = status(&third.data);
    assert_eq!(
        (&before["files"], &before["peers_connected"], &before["peers_away"]),
        (&1.into(), &2.into(), &0.into())
    );
    assert_eq!((&before["last_scrub_unix_ms"], &before["attention"]), (&Value::Null, &Value::Array(Vec::new())));
    let shown = bench.succeed(&third.data, &["status"]);
    assert!(shown.contains("2 connected, 0 of them behind; 0 away") && shown.contains("never to the end"), "{shown}");
    assert!(shown.contains("busy      0 calls, "), "{shown}");
    bench.succeed(&third.data, &["scrub"]);
    assert!(status(&third.data)["last_scrub_unix_ms"].is_u64());
    bench.succeed(&third.data, &["stop"]);
    third.wait();
    let again = bench.node("n3", &[]);
    assert!(status(&again.data)["last_scrub_unix_ms"].is_u64(), "a restart does not forget it");
    let alone = bench.node("alone", &[]);
    let attention = &status(&alone.data)["attention"];
    assert_eq!(attention[0], "no peer is connected: what is stored now is on this disk alone");
}

#[test]
fn standard_input_is_stored_in_whole() {
    let bench = Bench::new();
    let first = bench.node("n1", &[]);
    let second = bench.node("n2", &[&first]);
    second.connected(&bench, 1);
    let content = vec![0xa5; 700_000];
    let put = bench.run_with_input(&second.data, &["put", "dump"], &content);
    assert_eq!(without_versions(put.stdout), "stored dump v#, 683.5 KiB (700,000 bytes), 1 of 1 peer\n");
    assert!(bench.run(&second.data, &["get", "dump"]).stdout == content);
    let empty = bench.run_with_input(&second.data, &["put", "empty", "--allow-empty", "-"], b"");
    assert_eq!(without_versions(empty.stdout), "stored empty v#, 0 bytes, 1 of 1 peer\n");
    assert_eq!(bench.succeed(&second.data, &["get", "empty"]), "");
}

#[test]
fn a_file_of_20_mib_comes_back_from_a_peer() {
    let bench = Bench::new();
    let first = bench.node("n1", &[]);
    let second = bench.node("n2", &[&first]);
    second.connected(&bench, 1);
    let content: Vec<u8> = (0_u32..5 << 20).flat_map(u32::to_le_bytes).collect();
    let file = bench.file("big", &content);
    let output = bench.path("out");
    let (file, output) = (file.to_str().expect("a plain path"), output.to_str().expect("a plain path"));
    let run = |arguments: &[&str]| bench.succeed(&second.data, arguments);
    let stored = run(&["put", "big", file]);
    assert_eq!(without_versions(stored), "stored big v#, 20.0 MiB (20,971,520 bytes), 1 of 1 peer\n");
    run(&["rm", "big"]);
    let got = without_versions(run(&["get", "big", "-o", output]));
    assert!(got.starts_with("got big v#, 20.0 MiB (20,971,520 bytes), from peer "), "{got}");
    assert!(fs::read(output).expect("written") == content);
}

#[test]
fn a_failed_get_changes_no_file() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let output = bench.file("out", b"precious");
    let before = fs::read_dir(bench.path("")).expect("listed").count();
    let ended = bench.run(&node.data, &["get", "nothing", "-o", output.to_str().expect("a plain path")]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(fs::read(&output).expect("still there"), b"precious");
    assert_eq!(fs::read_dir(bench.path("")).expect("listed").count(), before);
}

#[test]
fn only_the_owner_can_open_the_control_socket() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mode = |path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!((mode(node.socket()), mode(node.data.clone())), (0o600, 0o700));
}

#[test]
fn a_data_directory_may_have_a_long_path() {
    let bench = Bench::new();
    let node = bench.node(&format!("{}/{}", "a".repeat(120), "b".repeat(120)), &[]);
    bench.run_with_input(&node.data, &["put", "k"], CONTENT);
    assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), CONTENT);
    bench.succeed(&node.data, &["stop"]);
}

#[test]
fn the_demonstration_repeats_from_its_seed() {
    let bench = Bench::new();
    let run = |name: &str| {
        let data = bench.path(name);
        let ended = bench.run(&data, &["demo", "--quiet", "--seed", "7", "--data", data.to_str().expect("plain")]);
        let text = String::from_utf8(ended.stdout).expect("text");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(text.contains("sealed") && text.contains("plaintext"), "{text}");
        let files = files_under(&data).into_iter().filter(|file| !file.ends_with("catalog.redb"));
        let below = |file: &Path| file.strip_prefix(&data).expect("below").to_owned();
        let mut files: Vec<_> = files.map(|file| (below(&file), fs::read(file).expect("read"))).collect();
        files.sort();
        files
    };
    let files = run("first");
    // 20 own files, 2 × 20 replicas, and an identity, a layout and a lock for each node.
    assert_eq!(files.len(), 69);
    assert!(files == run("second"));
    let again = bench.run(&bench.path("first"), &["demo", "--data", bench.path("first").to_str().expect("plain")]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("n1 exists; the demonstration needs new directories"));
}

/// With some of these seeds the origin's id sorts before the name of the catalog, with others after it.
#[test]
fn the_demonstration_succeeds_whatever_the_ids_are() {
    let bench = Bench::new();
    for seed in ["3", "4", "16"] {
        let ended = bench.run(&bench.path(seed), &["demo", "--quiet", "--seed", seed]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "seed {seed}");
    }
}

#[test]
fn a_store_whose_client_is_killed_is_not_stored() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut put = bench.spawn(&node.data, &["put", "half"], Stdio::piped());
    let mut stdin = put.child().stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, &vec![1; 1 << 20]).expect("the client reads");
    put.child().kill().expect("it waits for more");
    put.end();
    let ended = bench.run(&node.data, &["get", "half"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0));
    wait_until("nothing is left of it", || fs::read_dir(node.data.join("tmp")).expect("listed").count() == 0);
}

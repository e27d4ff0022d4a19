//! A folder of which the node has lost something, and folders that are not to be lost.

use std::fs;

use super::{done, folder, run, text, touch};
use crate::support::bench::{Bench, Node, files_under, wait_until};

#[test]
fn what_nobody_has_any_more_is_stored_again() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let put = ["put", "-r", text(&folder), "kept"];
    assert_eq!(run(&bench, &node, &put), done("6 files stored, 683.6 KiB"));
    bench.succeed(&node.data, &["rm", "--force", "kept/one"]);
    assert_eq!(run(&bench, &node, &put), done("1 file stored, 3 B; 5 unchanged"));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/one"]), "one");
    // A peer has it, and the same one may have it while it is away.
    let peer = bench.node("n2", &[&node]);
    has_all(&bench, &node);
    bench.succeed(&node.data, &["put", "-r", text(&folder), "kept", "--min-replicas", "1"]);
    bench.succeed(&node.data, &["rm", "-r", "kept", "-q"]);
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 6 unchanged"));
    drop(peer);
    node.connected(&bench, 0);
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 6 unchanged"));
}

/// Waits until the only peer of a node says that it holds all.
fn has_all(bench: &Bench, node: &Node) {
    wait_until("the peer says that it holds all", || {
        bench.succeed(&node.data, &["peers", "--json"]).contains("\"current\":true")
    });
}

#[test]
fn what_a_current_peer_holds_is_not_read_there_by_each_pass() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let peer = bench.node("n2", &[&node]);
    node.connected(&bench, 1);
    let folder = folder(&bench);
    bench.succeed(&node.data, &["put", "-r", text(&folder), "kept", "--min-replicas", "1"]);
    has_all(&bench, &node);
    bench.succeed(&node.data, &["rm", "-r", "kept", "-q"]);
    let large = |file: &std::path::PathBuf| fs::metadata(file).is_ok_and(|there| there.len() == 700_016);
    let replica = files_under(&peer.data).into_iter().find(large).expect("a replica");
    let mut sealed = fs::read(&replica).expect("readable");
    sealed[350_000] ^= 1;
    fs::write(&replica, &sealed).expect("written");
    for more in [&[][..], &["--dry-run"]] {
        let put = [&["put", "-r", text(&folder), "kept"], more].concat();
        let told = run(&bench, &node, &put);
        assert!(format!("{told:?}").contains("6 unchanged"), "{told:?}");
    }
    assert!(replica.exists(), "whoever reads it sets it aside");
}

#[test]
fn what_the_node_cannot_give_is_stored_again_when_it_was_touched() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let put = ["put", "-r", text(&folder), "kept"];
    assert_eq!(run(&bench, &node, &put), done("6 files stored, 683.6 KiB"));
    let large = |file: &std::path::PathBuf| fs::metadata(file).is_ok_and(|there| there.len() == 700_000);
    let copy = files_under(&node.data).into_iter().find(large).expect("a copy");
    let mut content = fs::read(&copy).expect("readable");
    content[350_000] ^= 1;
    fs::write(&copy, &content).expect("written");
    touch(&folder.join("sub/deep/large"), 1);
    assert_eq!(run(&bench, &node, &put), done("1 file stored, 683.5 KiB; 5 unchanged"));
    let out = bench.path("out");
    bench.succeed(&node.data, &["get", "kept/sub/deep/large", "-o", text(&out)]);
    assert!(fs::read(out).expect("written") == fs::read(folder.join("sub/deep/large")).expect("readable"));
}

#[test]
fn nothing_is_written_into_the_data_directory_of_a_node() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for key in ["kept/identity", "kept/n1/identity"] {
        bench.run_with_input(&node.data, &["put", key], b"none of a node");
    }
    let identity = fs::read(node.data.join("identity")).expect("readable");
    let sub = node.data.join("sub");
    for (dir, told) in [(&node.data, "cannot write"), (&sub, "cannot write")] {
        let refused = bench.run(&node.data, &["get", "-r", "kept", text(dir)]);
        let expected = format!("error: {told} {}: it is in the data directory of a node\n", text(dir));
        assert_eq!((refused.code, refused.stderr), (Some(1), expected));
    }
    assert!(!sub.exists(), "not even made");
    let refused = bench.run(&node.data, &["get", "-r", "kept", text(bench.dir.path())]);
    let expected = "warning: kept/n1/identity: not written: it is in the data directory of a node\n\
                    error: 1 file failed\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), expected));
    assert_eq!(fs::read(node.data.join("identity")).expect("readable"), identity);
    assert_eq!(fs::read(bench.path("identity")).expect("written"), b"none of a node");
}

#[test]
fn a_file_whose_name_is_one_of_what_is_not_complete_is_not_written() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "kept/.dacapo-get-1-2"], b"complete");
    let got = bench.run(&node.data, &["get", "-r", "kept", text(&bench.path("back"))]);
    let expected = "warning: kept/.dacapo-get-1-2: not written: its name is one of what is not complete\n";
    assert_eq!((got.code, got.stderr.starts_with(expected)), (Some(1), true), "{}", got.stderr);
    assert!(!bench.path("back/.dacapo-get-1-2").exists());
}

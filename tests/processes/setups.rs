//! What a person chooses at the start of a node: the layout of its directory, and how many peers hold each file.

use std::fs::{self, File};
use std::path::Path;

use crate::support::bench::{Bench, files_under, wait_until};

const CONTENT: &[u8] = b"my big data file here!";

#[test]
fn a_conversion_beyond_the_limit_of_the_shell_says_so_and_loses_nothing() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &[]);
    let content = bench.file("content", &[7; 20_000]);
    for key in ["a", "b", "c", "d", "e", "f"] {
        bench.succeed(&node.data, &["put", key, content.to_str().expect("plain")]);
    }
    bench.succeed(&node.data, &["stop"]);
    assert!(node.wait().success());
    let data = node.data.to_str().expect("plain");
    let line = format!("ulimit -f 100; exec {} convert --layout packed --data {data}", env!("CARGO_BIN_EXE_dacapo"));
    let ended = bench.spawn_program(Path::new("sh"), &["-c", &line]).end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("too large"), "{}", ended.stderr);
    bench.succeed(&node.data, &["convert", "--layout", "folders", "--quiet"]);
    let node = bench.node("n1", &[]);
    assert_eq!(bench.succeed(&node.data, &["get", "a"]).len(), 20_000);
}

#[test]
fn a_directory_that_could_not_be_made_is_as_it_was_and_can_be_made_later() {
    let bench = Bench::new();
    for name in ["empty", "locked-once"] {
        fs::create_dir(bench.path(name)).expect("made");
    }
    // A process that was killed, or found no room for more, has left this.
    fs::write(bench.path("locked-once/lock"), b"").expect("written");
    for (name, was_there) in [("new", false), ("empty", true), ("locked-once", true)] {
        let data = bench.path(name);
        let (program, path) = (env!("CARGO_BIN_EXE_dacapo"), data.to_str().expect("plain"));
        // There is room for an identity, and none for a catalog.
        let line = format!("trap '' XFSZ; ulimit -f 4; exec {program} -q init --data {path}");
        let ended = bench.spawn_program(Path::new("sh"), &["-c", &line]).end();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(data.exists(), was_there);
        assert!(!was_there || files_under(&data).is_empty());
        bench.succeed(&data, &["-q", "init"]);
        let mut node = bench.member(name);
        bench.succeed(&node.data, &["stop"]);
        node.wait();
        assert!(!node.events().contains("catalog"), "{}", node.events());
    }
}

#[test]
fn a_directory_keeps_its_layout_until_it_is_converted() {
    let bench = Bench::new();
    let file = bench.file("picture", CONTENT);
    let file = file.to_str().expect("a plain path");
    let mut node = bench.node_with("n1", &[], &["--layout", "packed"]);
    bench.succeed(&node.data, &["put", "a", file]);
    let data = node.data.clone();
    let is_in_a_file = || files_under(&data).iter().any(|file| fs::read(file).is_ok_and(|bytes| bytes == CONTENT));
    assert!(!is_in_a_file(), "the content lies in the catalog");
    let busy = bench.run(&node.data, &["convert", "--layout", "folders"]);
    assert_eq!(
        (busy.code, busy.stderr.contains("is in use by a node or another command")),
        (Some(1), true),
        "{}",
        busy.stderr
    );
    bench.succeed(&node.data, &["stop"]);
    node.wait();
    let refused = bench.run(&node.data, &["node", "--open-cluster", "--listen", ":0", "--layout", "folders"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("has the layout packed, not folders; `dacapo convert` changes it"));
    assert_eq!(
        bench.succeed(&node.data, &["convert", "--layout", "folders"]),
        "converted 1 blob, 22 bytes, to folders\n"
    );
    assert_eq!(bench.succeed(&node.data, &["convert", "--layout", "folders"]), "the layout is folders already\n");
    assert!(is_in_a_file());
    let node = bench.node_with("n1", &[], &[]);
    assert_eq!(bench.succeed(&node.data, &["get", "a"]).as_bytes(), CONTENT);
    let unused = bench.run(&bench.path("n2"), &["convert", "--layout", "packed"]);
    assert_eq!(
        (unused.code, unused.stderr.contains("is not a Dacapo data directory")),
        (Some(1), true),
        "{}",
        unused.stderr
    );
    assert!(!bench.path("n2").exists(), "no directory was made");
}

#[test]
fn a_conversion_says_that_the_catalog_was_damaged_or_lost() {
    let bench = Bench::new();
    let file = bench.file("picture", CONTENT);
    let mut node = bench.node("n1", &[]);
    bench.succeed(&node.data, &["put", "a", file.to_str().expect("a plain path")]);
    bench.succeed(&node.data, &["stop"]);
    node.wait();
    let catalog = node.data.join("catalog.redb");
    let convert = |layout: &str| bench.run(&node.data, &["convert", "--layout", layout]).stderr;
    assert_eq!(convert("packed"), "");
    let whole = fs::metadata(&catalog).expect("it is there").len();
    File::options().write(true).open(&catalog).and_then(|file| file.set_len(whole / 2)).expect("cut");
    let told = convert("folders");
    assert!(told.starts_with("warning: the catalog was damaged, and was set aside; "), "{told}");
    fs::remove_file(&catalog).expect("removed");
    assert_eq!(convert("packed"), "warning: the catalog is lost; files are learnt again from the peers\n");
}

#[test]
fn files_are_held_by_as_many_peers_as_were_asked_for() {
    let bench = Bench::new();
    let file = bench.file("picture", CONTENT);
    let file = file.to_str().expect("a plain path");
    let holders = [bench.node("n1", &[]), bench.node("n2", &[]), bench.node("n3", &[])];
    let owner = bench.node_with("n4", &[&holders[0], &holders[1], &holders[2]], &["--replicas", "2"]);
    owner.connected(&bench, 3);
    for name in ["a", "b", "c"] {
        let stored = bench.succeed(&owner.data, &["put", name, file]);
        let is_as_told =
            stored.starts_with(&format!("stored {name} v")) && stored.ends_with(", 22 bytes, 2 of 2 peers\n");
        assert!(is_as_told, "{stored}");
        let holders = bench.succeed(&owner.data, &["whereis", name]);
        assert_eq!(holders.matches("current").count(), 2, "{holders}");
        assert_eq!(holders.matches("nothing").count(), 1, "{holders}");
    }
    for wrong in ["0", "many", "65"] {
        let refused = bench.run(&bench.path("n5"), &["node", "--open-cluster", "--listen", ":0", "--replicas", wrong]);
        assert_eq!(refused.code, Some(2));
        assert!(refused.stderr.contains("is neither all nor a number from 1 to 64"), "{}", refused.stderr);
    }
}

#[test]
fn peers_says_what_a_peer_does_not_take_and_why() {
    let bench = Bench::new();
    let holder = bench.node_with("n2", &[], &["--quota-files", "1"]);
    let owner = bench.node("n1", &[&holder]);
    owner.connected(&bench, 1);
    for name in ["a", "b", "c"] {
        bench.run_with_input(&owner.data, &["put", name], b"content");
    }
    let expected = format!("{} lacks 2 files: it keeps no more than 1 files for one owner", holder.short_id());
    wait_until("the repair has been refused", || bench.succeed(&owner.data, &["peers"]).contains(&expected));
    let shown = bench.succeed(&owner.data, &["peers", "--json"]);
    let peer: serde_json::Value = serde_json::from_str(shown.trim_end()).expect("one object");
    let reason = "it keeps no more than 1 files for one owner";
    assert_eq!((&peer["not_taken"], &peer["not_taken_reason"]), (&2.into(), &reason.into()));
    bench.succeed(&owner.data, &["rm", "--everywhere", "a"]);
    bench.succeed(&owner.data, &["rm", "--everywhere", "b"]);
    wait_until("it takes the last one", || !bench.succeed(&owner.data, &["peers"]).contains("lacks"));
}

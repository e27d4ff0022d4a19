//! The first half hour of somebody who keeps a folder on two machines, loses one and then the other, and has everything
//! back: what README and docs/RUNNING.md say, in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::Face;
use crate::recovery::{invite, text};
use crate::support::bench::{Bench, wait_until};

/// A real tree: the sources of this project, with deep folders, large pictures and files of a few bytes.
fn tree(bench: &Bench) -> PathBuf {
    let tree = bench.path("tree");
    fs::create_dir(&tree).expect("made");
    for part in ["src", "sim/src", "docs", "snapshots"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(part);
        let copied = Command::new("cp").arg("-a").arg(from).arg(tree.join(part.replace('/', "-"))).status();
        assert!(copied.expect("cp runs").success());
    }
    tree
}

/// Returns a figure of a node without labels.
fn figure(face: &Face, name: &str) -> Option<u64> {
    let figures = face.get("/metrics").text();
    let value = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().expect("a number"))
}

#[test]
fn a_newcomer_keeps_a_folder_loses_machines_and_has_everything_back() {
    let bench = Bench::new();
    let tree = tree(&bench);
    // An identity, a backup of it, and a second machine.
    bench.succeed(&bench.path("here"), &["--quiet", "init"]);
    let (backup, passphrase) = (bench.path("here.backup"), bench.file("passphrase", b"correct horse battery\n"));
    let sealed = ["-q", "identity", "export", "-o", text(&backup), "--passphrase-file", text(&passphrase)];
    bench.succeed(&bench.path("here"), &sealed);
    let mut here = Face::of(bench.member_with("here", &["--listen", ":0", "--http", ":0"]));
    invite(&bench, &here.node, "there");
    let there = bench.member("there");
    here.node.connected(&bench, 1);

    // The folder is stored, and the page shows a node that is well.
    let stored = bench.succeed(&here.node.data, &["put", "-r", text(&tree), "tree", "--min-replicas", "1"]);
    assert!(stored.contains(" files stored"), "{stored}");
    let files = bench.succeed(&here.node.data, &["ls", "tree", "--json"]).lines().count() as u64;
    assert!(files > 300, "{files} files");
    assert!(here.get("/").text().starts_with("<!doctype html>"));
    wait_until("the peer has everything", || figure(&here, "dacapo_behind_peers") == Some(0));
    let well = (Some(files), Some(1), Some(0));
    let figures = |here: &Face| {
        (figure(here, "dacapo_files"), figure(here, "dacapo_connected_peers"), figure(here, "dacapo_attention"))
    };
    assert_eq!(figures(&here), well);
    assert_eq!(bench.run(&here.node.data, &["doctor"]).code, Some(0));

    // The other machine dies, and somebody is told.
    let reached = there.address.clone();
    drop(there);
    wait_until("the loss is noticed", || figures(&here) == (Some(files), Some(0), Some(1)));
    let told = bench.run(&here.node.data, &["doctor"]);
    assert_eq!(told.code, Some(1));
    assert!(String::from_utf8_lossy(&told.stdout).contains("none is connected"), "{}", told.stderr);
    fs::write(tree.join("late"), b"stored while nobody else was there").expect("written");
    let late = bench.succeed(&here.node.data, &["put", "-r", text(&tree), "tree"]);
    assert!(late.starts_with("1 file stored"), "{late}");

    // It comes back, and is sent what it lacks.
    let there = bench.member_at("there", &reached);
    wait_until("the peer is healed", || {
        let peers = bench.succeed(&here.node.data, &["peers", "--json"]);
        peers.contains("\"connected\":true") && peers.contains("\"current\":true")
    });
    assert_eq!(bench.run(&here.node.data, &["doctor"]).code, Some(0));

    // This machine is lost with its disk. Another one has everything from the backup and the peer.
    bench.succeed(&here.node.data, &["stop"]);
    here.node.wait();
    fs::remove_dir_all(&here.node.data).expect("it was there");
    let elsewhere = bench.path("elsewhere");
    let sealed = ["--identity", text(&backup), "--passphrase-file", text(&passphrase)];
    let recovered = bench.succeed(&elsewhere, &[&["-q", "recover", "--peer", &there.address], &sealed[..]].concat());
    assert!(recovered.starts_with(&format!("recovered {} files", files + 1)), "{recovered}");
    let again = bench.member("elsewhere");
    let back = bench.path("back");
    bench.succeed(&again.data, &["-q", "get", "-r", "tree", text(&back)]);
    let compared = Command::new("diff").args(["-r", text(&tree), text(&back)]).output().expect("diff runs");
    assert!(compared.status.success() && compared.stdout.is_empty(), "{}", String::from_utf8_lossy(&compared.stdout));
}

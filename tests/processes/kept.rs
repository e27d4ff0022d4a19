//! Data directories that earlier versions have written (`tests/kept`): each is read, completely, by this one. What a
//! newer version may have written is refused, and stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::recovery::text;
use crate::support::bench::{Bench, Node};

/// The first sector of a catalog, with its label, and the head that it is in.
const SECTOR: usize = 512;
const HEAD: usize = 12_288;

fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
    let found = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = found.filter(|path| path.extension().is_some_and(|ending| ending == "gz")).collect();
    found.sort();
    found
}

/// Unpacks what was kept of a release, and returns the folder that it is in.
fn unpack(bench: &Bench, release: &Path) -> PathBuf {
    let unpacked = Command::new("tar").arg("xzf").arg(release).arg("-C").arg(bench.dir.path()).status();
    assert!(unpacked.expect("tar runs").success());
    bench.path("all")
}

fn rows(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Compares what a node lists and gives with what was listed when the directory was written.
fn has_everything(bench: &Bench, node: &Node, before: &[Value], are_local: bool) {
    let now = rows(&bench.succeed(&node.data, &["ls", "--json"]));
    assert_eq!(now.len(), before.len());
    for (now, before) in now.iter().zip(before) {
        for name in ["key", "size", "version", "stored_unix_ms", "digest"] {
            assert_eq!(now[name], before[name]);
        }
        if are_local {
            assert_eq!(now["local"], before["local"]);
        }
        let (key, size) = (before["key"].as_str().expect("a key"), before["size"].as_u64().expect("a size"));
        let got = bench.run(&node.data, &["get", key]);
        assert_eq!(got.code, Some(0), "{key}: {}", got.stderr);
        let digit = b'0' + u8::try_from(size % 10).expect("a digit");
        let expected = vec![digit; usize::try_from(size).expect("small")];
        assert!(got.stdout == expected, "{key}: {} bytes", got.stdout.len());
    }
    let deleted = bench.run(&node.data, &["get", "files/deleted"]);
    assert_eq!(deleted.code, Some(3), "{}", deleted.stderr);
}

#[test]
fn what_earlier_versions_have_written_is_read() {
    assert!(!releases().is_empty());
    for release in releases() {
        let bench = Bench::new();
        let all = unpack(&bench, &release);
        let before =
            ["n1", "n2"].map(|name| rows(&fs::read_to_string(all.join(format!("{name}.files"))).expect("kept")));
        let first = bench.member("all/n1");
        let second = bench.member_with("all/n2", &["--listen", ":0", "--peer", &first.address]);
        second.connected(&bench, 1);
        for (node, before) in [(&first, &before[0]), (&second, &before[1])] {
            has_everything(&bench, node, before, true);
            let scrubbed = rows(&bench.succeed(&node.data, &["scrub", "--json"])).remove(0);
            assert_eq!((&scrubbed["damaged"], &scrubbed["failed"]), (&0.into(), &0.into()), "{scrubbed}");
            for row in before {
                let held = bench.succeed(&node.data, &["whereis", row["key"].as_str().expect("a key"), "--verify"]);
                assert!(held.contains("current"), "{held}");
            }
        }
        // The backup from then brings everything back from the peer.
        drop(first);
        let (backup, passphrase) = (all.join("backup"), all.join("passphrase"));
        let identity = ["--identity", text(&backup), "--passphrase-file", text(&passphrase)];
        let recover = ["-q", "recover", "--peer", &second.address];
        bench.succeed(&bench.path("new"), &[&recover, &identity[..]].concat());
        has_everything(&bench, &bench.member("new"), &before[0], false);
    }
}

#[test]
fn what_a_newer_version_may_have_written_is_refused_and_stays() {
    let bench = Bench::new();
    let all = unpack(&bench, releases().last().expect("one was kept"));
    let data = all.join("n2");
    for (file, from, to) in [
        ("identity", "dacapo identity 1", "dacapo identity 2"),
        ("cluster", "dacapo cluster 1", "dacapo cluster 2"),
        ("members", "dacapo members 2", "dacapo members 3"),
        ("layout", "dacapo layout 1", "dacapo layout 2"),
        ("catalog.redb", "dacapo catalog 1", "dacapo catalog 2"),
    ] {
        let good = fs::read(data.join(file)).expect("it is there");
        assert!(good.starts_with(from.as_bytes()), "{file}");
        let mut newer = [to.as_bytes(), &good[from.len()..]].concat();
        if file == "catalog.redb" {
            // The states of the header are checked in another way too: a label alone may be rotten.
            newer[SECTOR..HEAD].fill(0);
        }
        fs::write(data.join(file), &newer).expect("written");
        let refused = bench.run(&data, &["node", "--listen", ":0"]);
        assert_eq!((refused.code, refused.stdout.as_slice()), (Some(1), b"".as_slice()), "{file}: {}", refused.stderr);
        let message = refused.stderr.lines().last().expect("a message").to_owned();
        assert!(message.starts_with("error: ") && message.contains(file.trim_end_matches(".redb")), "{message}");
        assert!(fs::read(data.join(file)).expect("it is there") == newer, "{file} was changed");
        assert!(!data.join("quarantine").exists(), "{file}: nothing is set aside");
        fs::write(data.join(file), good).expect("written");
    }
    let node = bench.member("all/n2");
    assert_eq!(bench.succeed(&node.data, &["ls"]).lines().filter(|line| line.contains("files/")).count(), 5);
}

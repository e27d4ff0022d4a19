//! Folders that are stored, brought back, compared and deleted.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

mod deletions;
mod lost;
mod meanwhile;
mod watching;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::support::bench::{Bench, Ended, Node, wait_until};

/// Makes a folder with a file of each kind.
fn folder(bench: &Bench) -> PathBuf {
    let root = bench.path("folder");
    fs::create_dir_all(root.join("sub/deep")).expect("made");
    fs::create_dir(root.join("empty")).expect("made");
    fs::write(root.join("one"), b"one").expect("written");
    fs::write(root.join("nothing"), b"").expect("written");
    fs::write(root.join("sub/script"), b"#!/bin/sh").expect("written");
    fs::write(root.join("sub/deep/large"), vec![7; 700_000]).expect("written");
    fs::set_permissions(root.join("sub/script"), Permissions::from_mode(0o750)).expect("changed");
    symlink("../one", root.join("sub/link")).expect("made");
    symlink("/nowhere/at/all", root.join("dangling")).expect("made");
    for (name, days) in [("one", 400), ("nothing", 2), ("sub/script", 9000), ("sub/deep/large", 1)] {
        touch(&root.join(name), days);
    }
    root
}

/// Has a file changed so many days ago.
fn touch(path: &Path, days: u64) {
    let time = SystemTime::now() - Duration::from_secs(days * 86_400);
    File::options().append(true).open(path).expect("it is there").set_modified(time).expect("changed");
}

/// A file or a symbolic link: permissions, time and content.
type Seen = (u32, (i64, i64), Vec<u8>);

/// Reads every file of a folder.
fn read(root: &Path) -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable")) {
            let (path, metadata) = (entry.path(), entry.metadata().expect("it is there"));
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let content = match metadata.is_symlink() {
                true => fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes(),
                false => fs::read(&path).expect("a file"),
            };
            let name = path.strip_prefix(root).expect("below it").to_str().expect("a plain name").to_owned();
            found.insert(name, (metadata.mode(), (metadata.mtime(), metadata.mtime_nsec()), content));
        }
    }
    found
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Returns the exit code of a command, and the summary that it ended with.
fn summary(ended: &Ended) -> (Option<i32>, String) {
    let stdout = String::from_utf8_lossy(&ended.stdout);
    (ended.code, stdout.lines().last().unwrap_or_default().to_owned())
}

fn run(bench: &Bench, node: &Node, arguments: &[&str]) -> (Option<i32>, String) {
    summary(&bench.run(&node.data, arguments))
}

fn done(text: &str) -> (Option<i32>, String) {
    (Some(0), text.to_owned())
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let bench = Bench::new();
    let [_first, _second, node] = bench.star();
    let folder = folder(&bench);
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), rustix::fs::Mode::RUSR).expect("made");
    let put = bench.run(&node.data, &["put", "-r", text(&folder), "kept"]);
    assert_eq!(summary(&put), done("6 files stored, 683.6 KiB; 1 left out"));
    assert_eq!(put.stderr, "warning: left out pipe: it is a pipe\n");
    let link = bench.path("link");
    symlink(&folder, &link).expect("made");
    for folder in [&folder, &link] {
        let again = ["put", "-r", text(folder), "kept/"];
        assert_eq!(run(&bench, &node, &again), done("0 files stored, 0 B; 6 unchanged; 1 left out"));
    }
    // The peers have them too.
    let removed = bench.run(&node.data, &["rm", "-r", "kept"]);
    assert_eq!((removed.stderr.as_str(), summary(&removed)), ("", done("6 files deleted")));
    let back = bench.path("new/back");
    let get = ["get", "-r", "kept", text(&back)];
    assert_eq!(run(&bench, &node, &get), done("6 files written, 683.6 KiB"));
    fs::remove_file(folder.join("pipe")).expect("removed");
    assert_eq!(read(&back), read(&folder));
    assert!(!back.join("empty").exists());
    assert_eq!(run(&bench, &node, &get), done("0 files written, 0 B; 6 unchanged"));
    // Whatever became of a file, it comes back.
    fs::write(back.join("one"), b"two").expect("written");
    fs::remove_file(back.join("sub/link")).expect("removed");
    fs::write(back.join("sub/link"), b"../one").expect("written");
    fs::set_permissions(back.join("sub/script"), Permissions::from_mode(0o600)).expect("changed");
    fs::remove_file(back.join("dangling")).expect("removed");
    touch(&back.join("nothing"), 5);
    assert_eq!(run(&bench, &node, &get), done("4 files written, 33 B; 2 unchanged"));
    assert_eq!(read(&back), read(&folder));
}

#[test]
fn what_is_unchanged_is_held_by_as_many_peers_as_were_asked_for() {
    let bench = Bench::new();
    let [_first, _second, node] = bench.star();
    let folder = folder(&bench);
    for (wanted, code, expected) in [
        ("2", 0, "6 files stored, 683.6 KiB"),
        ("2", 0, "0 files stored, 0 B; 6 unchanged"),
        ("3", 1, "0 files stored, 0 B; 6 failed"),
    ] {
        let ended = bench.run(&node.data, &["put", "-r", text(&folder), "kept", "--min-replicas", wanted]);
        assert_eq!(summary(&ended), (Some(code), expected.to_owned()), "{}", ended.stderr);
        let says = ended.stderr.contains("kept/one: it is durable here and at 2 peers, 3 were asked for");
        assert_eq!(says, code == 1, "{}", ended.stderr);
    }
}

#[test]
fn what_was_touched_is_compared_and_what_is_another_file_is_stored() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let put = ["put", "-r", text(&folder)];
    run(&bench, &node, &put);
    touch(&folder.join("sub/deep/large"), 3);
    touch(&folder.join("one"), 3);
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 6 unchanged"));
    // The same length, and a time that only differs.
    fs::write(folder.join("one"), b"ono").expect("written");
    touch(&folder.join("one"), 4);
    fs::set_permissions(folder.join("sub/script"), Permissions::from_mode(0o700)).expect("changed");
    fs::remove_file(folder.join("dangling")).expect("removed");
    symlink("/nowhere/at/ALL", folder.join("dangling")).expect("made");
    fs::write(folder.join("new"), b"new").expect("written");
    let dry: Vec<_> = put.iter().copied().chain(["--dry-run"]).collect();
    assert_eq!(run(&bench, &node, &dry), done("dry run: 4 files stored, 30 B; 3 unchanged"));
    assert_eq!(run(&bench, &node, &put), done("4 files stored, 30 B; 3 unchanged"));
    assert_eq!(bench.succeed(&node.data, &["get", "one"]), "ono");
    assert_eq!(bench.succeed(&node.data, &["get", "dangling"]), "/nowhere/at/ALL");
}

#[test]
fn nothing_is_written_outside_the_folder() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    for key in ["kept/a/passwd", "kept/b", "kept/../c", "kept/d/e", "kept//f"] {
        bench.run_with_input(&node.data, &["put", key], b"content");
    }
    let out = bench.path("out");
    fs::create_dir_all(out.join("d/e")).expect("made");
    symlink(&elsewhere, out.join("a")).expect("made");
    fs::write(elsewhere.join("b"), b"another's").expect("written");
    symlink(elsewhere.join("b"), out.join("b")).expect("made");
    let got = bench.run(&node.data, &["get", "-r", "kept", text(&out)]);
    assert_eq!(summary(&got), (Some(1), "1 file written, 7 B; 4 failed".to_owned()));
    let expected = "\
warning: kept/../c: not written: it has a name of dots alone, which leads elsewhere
warning: kept//f: not written: it has an empty name
warning: kept/a/passwd: not written: Not a directory (os error 20)
warning: kept/d/e: not written: what is in its place is no file
error: 4 files failed
";
    assert_eq!(got.stderr, expected);
    // A link in the place of a file gives way; what it leads to does not.
    assert_eq!(fs::read(out.join("b")).expect("written"), b"content");
    assert!(!out.join("b").is_symlink());
    assert_eq!(read(&elsewhere).keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(fs::read(elsewhere.join("b")).expect("there"), b"another's");
}

#[test]
fn a_folder_that_was_interrupted_goes_on() {
    let bench = Bench::new();
    let mut node = bench.node_with("n1", &[], &["--layout", "packed"]);
    let folder = bench.path("folder");
    fs::create_dir(&folder).expect("made");
    for number in 0..5000 {
        fs::write(folder.join(number.to_string()), number.to_string()).expect("written");
    }
    let put = ["put", "-r", text(&folder), "kept"];
    let running = bench.spawn(&node.data, &put, std::process::Stdio::null());
    let stored = || bench.succeed(&node.data, &["ls", "-q"]).lines().count();
    wait_until("some are stored", || stored() > 20);
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!((ended.code, ended.stderr.ends_with("error: interrupted\n")), (Some(130), true), "{}", ended.stderr);
    let first: u64 = summary(&ended).1.split(' ').next().expect("a word").replace(',', "").parse().expect("a number");
    assert!((20..5000).contains(&first), "{first}");
    // A node that dies ends the command at once.
    let running = bench.spawn(&node.data, &put, std::process::Stdio::null());
    let before = stored();
    wait_until("more are stored", || stored() > before + 20);
    node.signal(Signal::KILL);
    node.wait();
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    let expected = format!("error: no node is running on {}; start one with `dacapo node`\n", text(&node.data));
    assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
    let node = bench.node("n1", &[]);
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 5,000 unchanged"));
}

#[test]
fn a_program_is_told_of_each_file() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    fs::write(folder.join(".dacapoignore"), "large\n/.dacapoignore\n").expect("written");
    bench.succeed(&node.data, &["put", "-r", text(&folder), "p", "--exclude", "sub/link", "-q"]);
    fs::remove_file(folder.join("nothing")).expect("removed");
    fs::write(folder.join("sub/script"), b"longer than before").expect("written");
    let told = bench.succeed(&node.data, &["put", "-r", text(&folder), "p", "--delete", "--json"]);
    let mut told: Vec<_> = told.lines().collect();
    told.sort_unstable();
    let expected = [
        r#"{"key":"p/nothing","action":"deleted","size":0}"#,
        r#"{"key":"p/sub/link","action":"stored","size":6}"#,
        r#"{"key":"p/sub/script","action":"stored","size":18}"#,
        concat!(
            r#"{"stored":2,"written":0,"deleted":1,"bytes":24,"unchanged":2,"#,
            r#""skipped":0,"failed":0,"short":0,"not_tried":0}"#
        ),
    ];
    assert_eq!(told, expected);
}

#[test]
fn all_is_done_and_what_failed_is_said_whether_or_not_anybody_reads_the_rest() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let (folder, out) = (bench.path("folder"), bench.path("out"));
    fs::create_dir(&folder).expect("made");
    for number in 0..60 {
        fs::write(folder.join(number.to_string()), number.to_string()).expect("written");
    }
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = bench.spawn_with(&node.data, arguments, |command| command.stdout(writer)).end();
        (ended.code, ended.stderr)
    };
    assert_eq!(unread(&["put", "-r", "--json", text(&folder), "p"]), (Some(0), String::new()));
    let put = ["put", "-r", text(&folder), "p"];
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 60 unchanged"));
    assert_eq!(unread(&["get", "-r", "--json", "p", text(&out)]), (Some(0), String::new()));
    assert_eq!(read(&out).len(), 60);
    let full = File::options().write(true).open("/dev/full").expect("it is there");
    fs::write(folder.join("more"), b"more").expect("written");
    let ended = bench.spawn_with(&node.data, &put, |command| command.stdout(full)).end();
    assert_eq!((ended.code, ended.stderr.contains("No space left on device")), (Some(1), true), "{}", ended.stderr);
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 61 unchanged"));

    // What has no place in a folder does not come back there.
    bench.run_with_input(&node.data, &["put", "p//odd"], b"odd");
    for quiet in [false, true] {
        let arguments =
            if quiet { vec!["-q", "get", "-r", "p", text(&out)] } else { vec!["get", "-r", "p", text(&out)] };
        let (code, stderr) = unread(&arguments);
        assert_eq!((code, stderr.contains("p//odd: not written: it has an empty name")), (Some(1), true), "{stderr}");
    }
    assert_eq!(unread(&["rm", "-r", "--everywhere", "--json", "p"]), (Some(0), String::new()));
    assert_eq!(run(&bench, &node, &["rm", "-r", "p"]).0, Some(3), "all of them are deleted");
}

#[test]
fn commands_about_many_files_wait_for_each_other() {
    let bench = Bench::new();
    let node = bench.node_with("n1", &[], &["--layout", "packed"]);
    let folder = bench.path("folder");
    fs::create_dir(&folder).expect("made");
    for number in 0..600 {
        fs::write(folder.join(number.to_string()), number.to_string()).expect("written");
    }
    let put = |prefix: &str| {
        let arguments = ["put", "-r", text(&folder), prefix, "-j", "32"];
        bench.spawn(&node.data, &arguments, std::process::Stdio::null())
    };
    for running in [put("a"), put("b"), put("c")] {
        let ended = running.end_late();
        assert_eq!((summary(&ended), ended.stderr.as_str()), (done("600 files stored, 1.6 KiB"), ""));
    }
}

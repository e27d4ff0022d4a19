//! What a put stores if its source does not hold still, fails, or gives nothing.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::bench::{Bench, Node, Running, wait_until};

const GOOD: &[u8] = b"the good version";

/// More than a client and the socket hold while the node takes nothing.
const BYTES: usize = 8 << 20;

/// Returns how far a process has read a file.
fn position(process: u32, file: &Path) -> Option<u64> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten();
    let of_file = descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|path| path == file));
    let position = |entry: fs::DirEntry| {
        let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{}", entry.file_name().to_str()?)).ok()?;
        info.lines().next()?.strip_prefix("pos:")?.trim().parse().ok()
    };
    of_file.filter_map(position).max()
}

/// Starts a put of a file, which stands still within the file because the node does.
fn half_way(bench: &Bench, node: &Node, arguments: &[&str], file: &Path) -> Running {
    node.signal(Signal::STOP);
    let mut put = bench.spawn_with(&node.data, arguments, |command| {
        command.stdin(Stdio::from(File::open(file).expect("it is there")))
    });
    let (process, mut before) = (put.child().id(), None);
    wait_until("the put stands still", || {
        sleep(Duration::from_millis(100));
        let now = position(process, file).filter(|position| *position > 0);
        now.is_some() && now == std::mem::replace(&mut before, now)
    });
    put
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_stored() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], GOOD);
    let overwrite = |file: &File| file.write_all_at(&[1], 0);
    let append = |file: &File| file.write_all_at(&[1], BYTES as u64);
    let truncate = |file: &File| file.set_len(BYTES as u64 / 2);
    let changes: [fn(&File) -> std::io::Result<()>; 3] = [overwrite, append, truncate];
    for change in changes {
        let file = bench.file("file", &vec![0; BYTES]);
        let path = file.to_str().expect("a plain path");
        for (arguments, name) in [(&["put", "k", path][..], path), (&["put", "k"], "-")] {
            let put = half_way(&bench, &node, arguments, &file);
            change(&OpenOptions::new().write(true).open(&file).expect("it is there")).expect("changed");
            node.signal(Signal::CONT);
            let ended = put.end();
            let expected = format!("error: not stored: {name} changed while it was read\n");
            assert_eq!((ended.code, ended.stderr), (Some(1), expected));
            assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), GOOD);
            fs::write(&file, vec![0; BYTES]).expect("written");
        }
    }
    let file = bench.file("file", &vec![0; BYTES]);
    let put = half_way(&bench, &node, &["put", "k", file.to_str().expect("a plain path")], &file);
    node.signal(Signal::CONT);
    assert_eq!(put.end().code, Some(0), "a file that holds still is stored");
}

#[test]
fn a_put_that_is_killed_stores_nothing_whether_its_size_is_known_or_not() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], GOOD);
    let file = bench.file("file", &vec![0; BYTES]);
    for arguments in [&["put", "k", file.to_str().expect("a plain path")][..], &["put", "k"]] {
        let mut put = half_way(&bench, &node, arguments, &file);
        put.child().kill().expect("it waits");
        put.end();
        node.signal(Signal::CONT);
        assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), GOOD);
    }
}

#[test]
fn the_output_of_a_command_is_stored_if_it_succeeds() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let put = |script: &str, more: &[&str]| {
        let arguments = [&["put", "k", "--from-command"], more, &["--", "sh", "-c", script]].concat();
        let ended = bench.run(&node.data, &arguments);
        (ended.code, ended.stderr)
    };
    assert_eq!(put("echo said >&2; printf stored", &[]), (Some(0), "said\n".to_owned()));
    for (script, why) in [
        ("printf half; exit 3", "sh failed: exit status: 3"),
        ("printf half; kill -9 $$", "sh failed: signal: 9 (SIGKILL)"),
        ("exit 1", "sh failed: exit status: 1"),
        ("true", "the content is empty; --allow-empty stores an empty file"),
    ] {
        assert_eq!(put(script, &[]), (Some(1), format!("error: not stored: {why}\n")), "{script}");
        assert_eq!(bench.succeed(&node.data, &["get", "k"]), "stored", "{script}");
    }
    assert_eq!(put("true", &["--allow-empty"]).0, Some(0));
    assert_eq!(bench.succeed(&node.data, &["get", "k"]), "");
    let absent = bench.run(&node.data, &["put", "k", "--from-command", "--", "/no/such/command", "--", "-x"]);
    assert!(absent.code == Some(1) && absent.stderr.contains("cannot run /no/such/command"), "{}", absent.stderr);
    for wrong in [
        &["put", "k", "--from-command"][..],
        &["put", "k", "--", "ls"],
        &["put", "k", "f", "--from-command", "--", "ls"],
    ] {
        assert_eq!(bench.run(&node.data, wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_put_that_is_interrupted_says_whether_the_file_was_stored_and_ends_its_command() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let noted = bench.path("process");
    let script = format!("printf half; echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600", noted.display());
    let command = ["put", "k", "--from-command", "--", "sh", "-c", &script];
    for signal in [Signal::INT, Signal::TERM] {
        let put = bench.spawn(&node.data, &command, Stdio::null());
        wait_until("the command runs", || noted.exists());
        let process = fs::read_to_string(&noted).expect("written");
        put.signal(signal);
        let ended = put.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), "error: k: not stored: interrupted\n"));
        assert!(!Path::new("/proc").join(process.trim()).exists(), "its command has ended");
        fs::remove_file(&noted).expect("it is there");
    }
    assert_eq!(bench.run(&node.data, &["get", "k"]).code, Some(3));
    // A content that has come whole may be stored, whatever the answer would be.
    let file = bench.file("file", GOOD);
    let put = half_way(&bench, &node, &["put", "k"], &file);
    put.signal(Signal::INT);
    let ended = put.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), "error: k: perhaps stored: interrupted\n"));
    node.signal(Signal::CONT);
}

#[test]
fn an_empty_standard_input_replaces_nothing() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], GOOD);
    let expected = "error: not stored: the content is empty; --allow-empty stores an empty file\n";
    for arguments in [&["put", "k"][..], &["put", "k", "-"], &["put", "k", "/dev/null"]] {
        let ended = bench.run(&node.data, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected), "{arguments:?}");
    }
    assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), GOOD);
    let empty = bench.file("empty", b"");
    for arguments in [&["put", "k", "--allow-empty"][..], &["put", "k", empty.to_str().expect("a plain path")]] {
        assert_eq!(bench.run(&node.data, arguments).code, Some(0), "{arguments:?}");
        assert_eq!(bench.succeed(&node.data, &["get", "k"]), "");
    }
    assert_eq!(bench.run(&node.data, &["put", "status", "/proc/self/status"]).code, Some(0));
}

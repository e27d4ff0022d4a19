//! Where a get writes to, and what errors look like.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::bench::{Bench, Node};

const CONTENT: &[u8] = b"my big data file here!";

fn node_with_file(bench: &Bench) -> Node {
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], CONTENT);
    node
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
}

#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    let bench = Bench::new();
    let node = node_with_file(&bench);
    for before in [0o600, 0o640, 0o755, 0o4755] {
        let output = bench.file("out", b"older");
        fs::set_permissions(&output, Permissions::from_mode(before)).expect("it is ours");
        bench.succeed(&node.data, &["-q", "get", "k", "-o", text(&output)]);
        assert_eq!((fs::read(&output).expect("written").as_slice(), mode(&output)), (CONTENT, before & 0o777));
    }
    let (new, usual) = (bench.path("new"), bench.file("usual", b""));
    bench.succeed(&node.data, &["-q", "get", "k", "-o", text(&new)]);
    assert_eq!(mode(&new), mode(&usual), "a new file has those of any other one");
}

#[test]
fn permissions_and_time_come_back_with_a_file_even_from_a_peer() {
    let bench = Bench::new();
    let holder = bench.node("n2", &[]);
    let node = bench.node("n1", &[&holder]);
    node.connected(&bench, 1);
    let file = bench.file("file", CONTENT);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("it is ours");
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::options().write(true).open(&file).and_then(|open| open.set_modified(time)).expect("it is ours");
    bench.succeed(&node.data, &["-q", "put", "k", text(&file), "--min-replicas", "1"]);
    bench.succeed(&node.data, &["-q", "rm", "k"]);
    let (kept, plain) = (bench.path("kept"), bench.path("plain"));
    bench.succeed(&node.data, &["-q", "get", "k", "--preserve", "-o", text(&kept)]);
    bench.succeed(&node.data, &["-q", "get", "k", "-o", text(&plain)]);
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
    assert_eq!((mode(&kept), modified(&kept)), (0o640, time));
    assert!(modified(&plain) > time);
    // Standard input has neither.
    bench.run_with_input(&node.data, &["put", "piped"], CONTENT);
    bench.succeed(&node.data, &["-q", "get", "piped", "--preserve", "-o", text(&kept)]);
    assert_eq!((mode(&kept), modified(&kept) > time), (0o640, true), "as of what is replaced");
}

#[test]
fn a_get_that_keeps_nothing_leaves_no_copy_here() {
    let bench = Bench::new();
    let holder = bench.node("n2", &[]);
    let node = bench.node("n1", &[&holder]);
    node.connected(&bench, 1);
    let large = vec![7; 1 << 20];
    for content in [CONTENT, large.as_slice(), &[]] {
        bench.run_with_input(&node.data, &["put", "k", "--min-replicas", "1", "--allow-empty"], content);
        let is_local = || {
            let told: Value = serde_json::from_str(&bench.succeed(&node.data, &["stat", "k", "--json"])).expect("JSON");
            told["local"].as_bool()
        };
        bench.succeed(&node.data, &["-q", "rm", "k"]);
        let got = bench.succeed(&node.data, &["-q", "get", "k", "--no-keep"]);
        assert_eq!((got.as_bytes(), is_local()), (content, Some(false)));
        let (output, shared) =
            (bench.path("out"), Path::new("/dev/shm").join(format!("dacapo-{}", std::process::id())));
        for output in [&output, &shared] {
            bench.succeed(&node.data, &["-q", "get", "k", "--no-keep", "-o", text(output)]);
            assert_eq!((fs::read(output).expect("written").as_slice(), is_local()), (content, Some(false)));
            assert_eq!(mode(output), mode(&bench.file("usual", b"")), "it is a file like any other");
            fs::remove_file(output).expect("it is ours");
        }
        let left = || fs::read_dir(node.data.join("tmp")).expect("readable").count();
        for _ in 0..1000 {
            if left() > 0 {
                sleep(Duration::from_millis(10));
            }
        }
        assert_eq!(left(), 0);
        bench.succeed(&node.data, &["-q", "get", "k", "-o", text(&output)]);
        assert_eq!(is_local(), Some(true), "a plain get keeps it");
    }
}

#[test]
fn an_open_descriptor_is_written_to_and_not_replaced() {
    let bench = Bench::new();
    let node = node_with_file(&bench);
    for (output, is_stdout) in
        [("/dev/stdout", true), ("/dev/fd/1", true), ("/dev/stderr", false), ("/dev/fd/2", false)]
    {
        let ended = bench.run(&node.data, &["-q", "get", "k", "-o", output]);
        let (content, rest) = if is_stdout {
            (ended.stdout, ended.stderr.into_bytes())
        } else {
            (ended.stderr.into_bytes(), ended.stdout)
        };
        assert_eq!((ended.code, content.as_slice(), rest.as_slice()), (Some(0), CONTENT, &b""[..]), "{output}");
    }
    // The content of a file that is standard input is appended, and whoever has it open sees that.
    let file = bench.file("file", b"before ");
    let mut open = File::open(&file).expect("it is there");
    let input = || Stdio::from(File::open(&file).expect("it is there"));
    let ended = bench.spawn(&node.data, &["-q", "get", "k", "-o", "/dev/fd/0"], input()).end();
    let mut seen = Vec::new();
    open.read_to_end(&mut seen).expect("readable");
    assert_eq!((ended.code, seen), (Some(0), [b"before ", CONTENT].concat()));
}

#[test]
fn a_named_pipe_gets_the_content_and_stays() {
    let bench = Bench::new();
    let node = node_with_file(&bench);
    let pipe = bench.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let reader = pipe.clone();
    let reading = std::thread::spawn(move || fs::read(reader));
    bench.succeed(&node.data, &["-q", "get", "k", "-o", text(&pipe)]);
    assert_eq!(reading.join().expect("it reads").expect("readable"), CONTENT);
    assert!(!fs::metadata(&pipe).expect("it is there").is_file());
    bench.succeed(&node.data, &["-q", "get", "k", "-o", "/dev/null"]);
}

#[test]
fn a_get_into_a_pipe_that_takes_nothing_hears_a_signal() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], &vec![1; 4 << 20]);
    for signal in [Signal::INT, Signal::TERM] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let getting = bench.spawn_with(&node.data, &["-q", "get", "k"], |command| command.stdout(writer));
        sleep(Duration::from_secs(1));
        getting.signal(signal);
        let ended = getting.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), "error: interrupted\n"));
        drop(reader);
    }
}

#[test]
fn a_file_is_nobody_elses_while_it_comes() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.run_with_input(&node.data, &["put", "k"], &vec![1; 64 << 20]);
    let folder = bench.path("folder");
    fs::create_dir(&folder).expect("a temporary folder");
    let output = folder.join("out");
    let getting = bench.spawn(&node.data, &["-q", "get", "k", "-o", text(&output)], Stdio::null());
    let mut temporary = None;
    while temporary.is_none() && !output.exists() {
        let entries = fs::read_dir(&folder).expect("readable");
        let found = entries.filter_map(|entry| entry.and_then(|entry| entry.metadata()).ok()).next();
        temporary = found.map(|metadata| metadata.permissions().mode() & 0o777).or(temporary);
    }
    assert_eq!(temporary, Some(0o600));
    assert_eq!(getting.end().code, Some(0));
    let usual = bench.file("usual", CONTENT);
    assert_eq!(mode(&output), mode(&usual), "it is a file like any other in the end");
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let bench = Bench::new();
    let holder = bench.node("n2", &[]);
    let node = bench.node("n1", &[&holder]);
    node.connected(&bench, 1);
    let file = bench.file("file", CONTENT);
    let error = |arguments: &[&str]| {
        let ended = bench.run(&node.data, arguments);
        assert_eq!(ended.stdout, b"", "{arguments:?}");
        let value: Value = serde_json::from_str(&ended.stderr).expect("one object");
        assert_eq!(value["exit_code"].as_i64(), ended.code.map(i64::from));
        value
    };
    for command in ["get", "stat", "whereis", "rm"] {
        let error = error(&[command, "--json", "nothing"]);
        assert!(error["exit_code"] == 3 && error["error"].as_str().is_some_and(|text| text.starts_with("nothing: ")));
    }
    let few = ["put", "k", text(&file), "--min-replicas", "2"];
    let perhaps = error(&[&few[..], &["--json"]].concat());
    let why = "k: perhaps stored: it is durable here and at 1 peer, 2 were asked for";
    assert_eq!((&perhaps["error"], perhaps["exit_code"].as_i64()), (&why.into(), Some(1)));
    assert_eq!(perhaps["receipts"][0]["outcome"], "stored");
    let ended = bench.run(&node.data, &few);
    assert_eq!((ended.code, ended.stderr), (Some(1), format!("error: {why}\n")));
}

#[test]
fn help_is_a_command_too() {
    let bench = Bench::new();
    for (asked, option) in [
        (&["help", "put"][..], &["put", "--help"][..]),
        (&["help", "identity", "rotate"], &["identity", "rotate", "--help"]),
    ] {
        assert_eq!(bench.succeed(&bench.path("n1"), asked), bench.succeed(&bench.path("n1"), option));
    }
}

#[test]
fn a_client_of_a_frozen_node_gives_up() {
    let bench = Bench::new();
    let node = node_with_file(&bench);
    node.signal(Signal::STOP);
    let ended = bench.spawn(&node.data, &["ls"], Stdio::null()).end_late();
    let expected = "error: nothing moved for 30 seconds: the other side stands still\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
    node.signal(Signal::CONT);
    assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), CONTENT);
}

/// A large content is read where it lies in the data directory.
#[test]
fn a_file_that_is_got_while_it_is_stored_again_is_one_version_whole() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let version = |number: u8| vec![number; 400_000 + usize::from(number)];
    let store = |number: u8| {
        let file = bench.file(&format!("version-{number}"), &version(number));
        bench.succeed(&node.data, &["put", "k", text(&file)]);
    };
    store(0);
    std::thread::scope(|scope| {
        let stores = scope.spawn(|| (1..25).for_each(store));
        while !stores.is_finished() {
            bench.succeed(&node.data, &["get", "k", "-o", text(&bench.path("out"))]);
            let found = fs::read(bench.path("out")).expect("it was written");
            assert!(found == version(found[0]), "{} bytes, from {} on", found.len(), found[0]);
        }
    });
    bench.succeed(&node.data, &["get", "k", "-o", text(&bench.path("out"))]);
    assert!(fs::read(bench.path("out")).expect("it was written") == version(24));
    // The copy is another file: changing it changes nothing of the node's.
    fs::write(bench.path("out"), b"changed").expect("written");
    assert!(bench.run(&node.data, &["get", "k"]).stdout == version(24));
}

#[test]
fn what_somebody_writes_to_the_local_copy_meanwhile_is_never_got() {
    let bench = Bench::new();
    let second = bench.node("n2", &[]);
    let first = bench.node("n1", &[&second]);
    first.connected(&bench, 1);
    let content = vec![7; 8 << 20];
    bench.succeed(&first.data, &["put", "k", text(&bench.file("content", &content)), "--min-replicas", "1"]);
    let found =
        Command::new("find").arg(&first.data).args(["-type", "f", "-size", "+8191k"]).output().expect("find runs");
    let copy = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim_end());
    let (ended, mut wrong) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                for byte in [8, 7] {
                    // It is away for a moment whenever the node sets it aside.
                    if let Ok(copy) = File::options().write(true).open(&copy) {
                        drop(copy.write_all_at(&[byte], 4 << 20));
                    }
                    sleep(Duration::from_millis(2));
                }
            }
        });
        for _ in 0..20 {
            let got = bench.run(&first.data, &["get", "k", "-o", text(&bench.path("out"))]);
            wrong += usize::from(got.code == Some(0) && fs::read(bench.path("out")).ok().as_ref() != Some(&content));
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!(wrong, 0, "gets that said that they were good");
    bench.succeed(&first.data, &["get", "k", "-o", text(&bench.path("out"))]);
    assert!(fs::read(bench.path("out")).expect("it was written") == content);
}

//! Logs and outputs that cannot be written: a reader that is gone or stands still, a disk that is full.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::Signal;

use crate::support::bench::{Bench, wait_until};

const REFUSING: &[u8] = b"what one writes here is refused";

fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("every Linux has one")
}

/// Fills a pipe, so that the next write to it waits for the reader.
fn fill(mut pipe: &io::PipeWriter) -> usize {
    fcntl_setfl(pipe, OFlags::NONBLOCK).expect("a pipe");
    let mut filled = 0;
    while let Ok(count) = pipe.write(&[b'.'; 4096]) {
        filled += count;
    }
    fcntl_setfl(pipe, OFlags::empty()).expect("a pipe");
    filled
}

#[test]
fn a_node_outlives_the_reader_of_its_log() {
    let bench = Bench::new();
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut node = bench.node_logging_to("n1", writer);
    drop(reader);
    for _ in 0..3 {
        assert_eq!(bench.run_with_input(&node.data, &["put", "k"], REFUSING).code, Some(0));
    }
    bench.succeed(&node.data, &["stop"]);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_node_does_without_a_log_on_a_full_disk() {
    let bench = Bench::new();
    let mut node = bench.node_logging_to("n1", full_disk());
    assert_eq!(bench.run_with_input(&node.data, &["put", "k"], REFUSING).code, Some(0));
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_stalled_reader_of_the_log_holds_up_neither_a_node_nor_its_end() {
    let bench = Bench::new();
    let (_reader, writer) = io::pipe().expect("a pipe");
    fill(&writer);
    let mut node = bench.node_logging_to("n1", writer);
    assert_eq!(bench.run_with_input(&node.data, &["put", "k"], REFUSING).code, Some(0));
    assert_eq!(bench.succeed(&node.data, &["get", "k"]).as_bytes(), REFUSING);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_log_that_is_read_late_is_whole_and_says_when_each_line_was_written() {
    let bench = Bench::new();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let filled = fill(&writer);
    let mut node = bench.node_logging_to("n1", writer);
    bench.run_with_input(&node.data, &["put", "k"], REFUSING);
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    bench.succeed(&node.data, &["stop"]);
    node.wait();
    let text = reading.join().expect("it reads").expect("text");
    let lines: Vec<_> = text[filled..].lines().collect();
    assert!(lines.len() > 3 && lines.last().is_some_and(|line| line.ends_with("stopped")), "{lines:?}");
    for line in lines {
        let time = line.split(' ').next().expect("words");
        assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{line}");
    }
}

#[test]
fn lines_for_the_journal_have_no_time_of_their_own() {
    let bench = Bench::new();
    let (data, path) = (bench.path("n1"), bench.path("journal"));
    for is_journal in [true, false] {
        let log = File::create(&path).expect("a temporary file");
        let metadata = log.metadata().expect("it is open");
        // A process that was started by another service has a stream that is not its own.
        let stream = format!("{}:{}", metadata.dev(), metadata.ino() + u64::from(!is_journal));
        let arguments = ["node", "--open-cluster", "--listen", ":0"];
        let node = bench.spawn_with(&data, &arguments, |command| command.stderr(log).env("JOURNAL_STREAM", stream));
        wait_until("the node serves", || bench.run(&data, &["ls"]).code == Some(0));
        bench.succeed(&data, &["stop"]);
        assert_eq!(node.end().code, Some(0));
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.starts_with("20") != is_journal), "{text}");
    }
}

#[test]
fn a_closed_standard_error_or_output_is_no_panic() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let gone = || io::pipe().expect("a pipe").1;
    let code = |arguments: &[&str], out: bool| {
        let change = |command: &mut std::process::Command| {
            if out {
                command.stdout(gone());
            } else {
                command.stderr(gone());
            }
        };
        let running = bench.spawn_with(&node.data, arguments, |command| {
            change(command);
            command
        });
        running.end().code
    };
    let file = bench.file("file", REFUSING);
    let file = file.to_str().expect("a plain path");
    // Notes, errors and wrong usage.
    for (arguments, expected) in
        [(&["ls"][..], 0), (&["get", "nothing"], 3), (&["frobnicate"], 2), (&["peers"], 0), (&["get", "a\nb"], 2)]
    {
        assert_eq!(code(arguments, false), Some(expected), "{arguments:?}");
    }
    for arguments in [&["put", "k", file][..], &["put", "--json", "k", file], &["ls"], &["stat", "k"], &["--help"]] {
        assert_eq!(code(arguments, true), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_nobody_reads_is_an_error() {
    let bench = Bench::new();
    let data = bench.path("n1");
    bench.succeed(&data, &["--quiet", "init"]);
    let passphrase = bench.file("passphrase", b"correct horse battery staple\n");
    let passphrase = passphrase.to_str().expect("a plain path");
    let export = ["identity", "export", "--output", "-", "--passphrase-file", passphrase];
    for arguments in [&export[..], &["invite", "here.example:3000"]] {
        let gone = io::pipe().expect("a pipe").1;
        let ended = bench.spawn_with(&data, arguments, |command| command.stdout(gone)).end();
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.starts_with("error: cannot write standard output: "), "{}", ended.stderr);
        assert_eq!(bench.run(&data, arguments).code, Some(0), "{arguments:?}");
    }
}

#[test]
fn a_full_standard_output_is_told_after_what_was_done() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let file = bench.file("file", REFUSING);
    let (file, out) = (file.to_str().expect("a plain path"), bench.path("out"));
    let full = |arguments: &[&str]| {
        let ended = bench.spawn_with(&node.data, arguments, |command| command.stdout(Stdio::from(full_disk()))).end();
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        ended.stderr
    };
    let why =
        "but what is to be told of it cannot be written to standard output: No space left on device (os error 28)";
    let put = full(&["put", "k", file]);
    assert!(put.starts_with("error: k: the file is stored as v") && put.ends_with(&format!(", {why}\n")), "{put}");
    let put = full(&["put", "--json", "k", file]);
    assert!(put.starts_with("{\"error\":\"k: the file is stored as v") && put.contains(why), "{put}");
    let out = out.to_str().expect("a plain path");
    assert_eq!(full(&["get", "k", "-o", out]), format!("error: k: the file is in {out}, {why}\n"));
    assert_eq!(full(&["rm", "--force", "k"]), format!("error: k: the local copy is deleted, {why}\n"));
    assert_eq!(full(&["rm", "--everywhere", "k"]), format!("error: k: the file is deleted, {why}\n"));
    bench.succeed(&node.data, &["--quiet", "put", "k", file]);
    for arguments in [&["ls", "--json"][..], &["--help"], &["stat", "--help"]] {
        drop(full(arguments));
    }
}

#[test]
fn a_node_starts_if_nobody_reads_its_address() {
    let bench = Bench::new();
    let data = bench.path("n1");
    let arguments = ["node", "--open-cluster", "--listen", ":0"];
    let running =
        bench.spawn_with(&data, &arguments, |command| command.stdout(Stdio::from(io::pipe().expect("a pipe").1)));
    wait_until("the node serves", || bench.run(&data, &["ls"]).code == Some(0));
    bench.succeed(&data, &["stop"]);
    let ended = running.end();
    assert!(ended.code == Some(0) && ended.stderr.contains("cannot write standard output"), "{}", ended.stderr);
}

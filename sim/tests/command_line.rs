//! `cargo sim` as its users run it: help texts, exit codes, and a run that repeats in a process of its own.

#[path = "../../tests/support/snapshots.rs"]
mod snapshots;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use dacapo_sim::store::walkthrough::{self, star};
use dacapo_sim::twice::{compare, lines};
use rustix::process::{Pid, Signal, kill_process};
use snapshots::assert_snapshot;

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dacapo-sim")).args(arguments).output().expect("the program runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the output is text")
}

#[test]
fn every_help_text_is_as_it_was_read() {
    for (name, arguments) in [
        ("help_sim", &["--help"] as &[_]),
        ("help_sim_walkthrough", &["walkthrough", "--help"]),
        ("help_sim_twice", &["twice", "--help"]),
        ("help_sim_sweep", &["sweep", "--help"]),
        ("help_sim_merge", &["merge", "--help"]),
        ("help_sim_search", &["search", "--help"]),
        ("help_sim_replay", &["replay", "--help"]),
        ("help_sim_show", &["show", "--help"]),
        ("help_sim_shrink", &["shrink", "--help"]),
        ("help_sim_crash", &["crash", "--help"]),
        ("help_sim_branch", &["branch", "--help"]),
        ("help_sim_planted", &["planted", "--help"]),
    ] {
        let output = sim(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert_snapshot(name, &text(output.stdout));
    }
}

#[test]
fn a_walkthrough_shows_the_timeline_the_disks_and_the_digest() {
    let output = sim(&["walkthrough", "--seed", "7", "--files", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_snapshot("sim_walkthrough", &text(output.stdout));
}

#[test]
fn a_run_in_another_process_has_the_same_trace() {
    let outcome = walkthrough::run(11, star::FILES);
    assert_eq!(outcome.failure, None);
    let here = lines(&outcome.trace);
    let there = text(sim(&["walkthrough", "--seed", "11", "--trace", "-"]).stdout);
    let difference = compare(here.iter().map(String::as_str), there.lines());
    assert_eq!(difference.map(|found| found.to_string()), None);
}

#[test]
fn seeds_that_replay_are_counted() {
    let output = sim(&["twice", "--seeds", "3..5"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(output.stdout).starts_with("2 of 2 seeds replay exactly"));
}

#[test]
fn wrong_arguments_say_what_is_wrong() {
    let mut all = String::new();
    for arguments in [
        &["twice", "--seeds", "5..5"] as &[_],
        &["twice", "--seeds", "5"],
        &["twice", "--seeds", "a..b"],
        &["walkthrough", "--seed", "-1"],
        &["wander"],
    ] {
        let output = sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        all += &format!("$ cargo sim {}\n{}\n", arguments.join(" "), text(output.stderr));
    }
    assert_snapshot("sim_usage_errors", &all);
}

#[test]
fn a_replay_is_the_same_in_every_process() {
    let digest = || {
        let output = sim(&["replay", "17"]);
        assert_eq!(output.status.code(), Some(0));
        text(output.stdout).lines().last().map(str::to_owned)
    };
    let first = digest();
    assert!(first.as_ref().is_some_and(|line| line.contains("trace digest")), "{first:?}");
    assert_eq!(first, digest());
}

#[test]
fn exit_codes_say_what_came_of_a_sweep_a_replay_and_a_shrink() {
    let code = |arguments: &[&str]| sim(arguments).status.code();
    assert_eq!(code(&["sweep", "--seeds", "0..4", "--json"]), Some(0));
    assert_eq!(code(&["replay", "1", "--bug", "stored-rejected"]), Some(1));
    assert_eq!(code(&["shrink", "1", "--bug", "stored-rejected", "--runs", "60"]), Some(1));
    assert_eq!(code(&["shrink", "0"]), Some(0), "the plan breaks no promise");
    for wrong in [
        &["sweep", "--shard", "4/4"] as &[_],
        &["sweep", "--for", "soon"],
        &["replay", "no-such.plan"],
        &["replay", "7", "--bug", "none"],
        &["shrink", "Cargo.toml"],
        &["replay", "7", "--with", "seed 8"],
        &["replay", "7", "--with", "at n0 sync 7 for 0.5 lie n1 nothing"],
        &["crash", "7", "--down", "60000"],
        &["search", "--runs", "0"],
        &["search", "--corpus", "src"],
        &["planted", "--bug", "none"],
        &["sweep", "--seeds", "9..3"],
        &["sweep", "--seeds", "0..3", "--shard", "3/4"],
        &["sweep", "--for", "0s"],
        &["branch", "1", "--at", "2.5", "-o", "no-such-folder/found.plan"],
    ] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dacapo-sim"));
    let output = command.args(["replay", "7"]).stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
    let output = output.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), text(output.stderr).as_str()), (Some(1), ""));
}

#[test]
fn a_search_writes_the_plan_that_it_found() {
    let path = format!("{}/found.plan", env!("CARGO_TARGET_TMPDIR"));
    let code = |arguments: &[&str]| sim(arguments).status.code();
    assert_eq!(code(&["search", "--runs", "16", "-o", &path]), Some(0));
    assert_eq!(code(&["search", "--runs", "100", "--bug", "stored-rejected", "-o", &path]), Some(1));
    assert_eq!(code(&["replay", &path, "--bug", "stored-rejected"]), Some(1));
}

#[test]
fn a_branch_that_breaks_a_promise_is_a_plan_in_a_file() {
    let path = format!("{}/branch.plan", env!("CARGO_TARGET_TMPDIR"));
    let run = |arguments: &[&str]| {
        let output = sim(&[&["branch", "1", "--at", "2.5", "-o", &path], arguments].concat());
        (output.status.code(), text(output.stdout))
    };
    let (code, shown) = run(&["--seeds", "0..12"]);
    assert_eq!((code, shown.as_str()), (Some(0), "12 branches were run, 0 broke a promise\n"));
    let (code, shown) = run(&["--seeds", "0..100", "--bug", "stored-rejected"]);
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains(&format!("cargo sim replay {path} --bug stored-rejected")), "{shown}");
    assert_eq!(sim(&["replay", &path, "--bug", "stored-rejected"]).status.code(), Some(1));
}

#[test]
fn a_plan_replays_in_another_process_with_its_faults_and_its_bug() {
    let path = format!("{}/twice.plan", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "seed 1\nnodes 1\nat 0.4 n0 store 0 22\nlift 1\n").expect("written");
    let output = sim(&["twice", &path, "--with", "at 0.6 to 0.9 kill n0", "--bug", "cached-read"]);
    let shown = text(output.stdout);
    assert!(shown.contains("replays exactly: twice in this process and once in another"), "{shown}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(sim(&["twice", "no-such.plan"]).status.code(), Some(2));
}

/// One file goes to one peer, and the way to the peer is cut.
const PAIR: &str = "seed 1\nnodes 2\ndial n0 n1\nat 0.4 n0 store 0 22\nat 0.8 to 1.5 cut n0 n1\nlift 2\n";

fn pair() -> String {
    let path = format!("{}/pair.plan", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, PAIR).expect("written");
    path
}

#[test]
fn each_line_of_a_trace_is_a_json_object() {
    let shown = |form| text(sim(&["replay", &pair(), form, "-"]).stdout);
    let (lines, trace) = (shown("--json"), shown("--trace"));
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    let messages = lines.iter().filter(|line| line["message"].is_string()).count();
    assert_eq!(lines.len() - messages, 1 + trace.lines().count());
    assert!(lines.iter().any(|line| line["kind"] == "message-received" && line["message"] == "store-file"));
    assert_eq!((&lines[0]["kind"], &lines[0]["seed"], &lines[0]["broken"]), (&"run".into(), &1.into(), &().into()));
    let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(["call", "answer", "fault", "fault-end"].map(count), [1, 1, 1, 1]);
    let sent = lines.iter().find(|line| line["kind"] == "sent").expect("something was sent");
    assert_eq!((&sent["host"], &sent["to"]), (&"n0".into(), &"n1".into()));
}

#[test]
fn a_run_opens_in_perfetto_with_each_call_and_fault_as_a_span() {
    let shown = text(sim(&["replay", &pair(), "--perfetto", "-"]).stdout);
    let trace: serde_json::Value = serde_json::from_str(&shown).expect("a JSON object");
    let events = trace["traceEvents"].as_array().expect("events");
    let of = |phase: &str, kind: &str| {
        events.iter().filter(|event| event["ph"] == phase && event["cat"] == kind).collect::<Vec<_>>()
    };
    for kind in ["call", "fault"] {
        let ([begun], [ended]) = (&of("b", kind)[..], &of("e", kind)[..]) else { panic!("one {kind} in {shown}") };
        assert_eq!((&begun["id"], &begun["pid"]), (&ended["id"], &ended["pid"]));
        assert!(begun["ts"].as_u64() < ended["ts"].as_u64());
    }
}

#[test]
fn a_part_of_a_run_is_a_diagram() {
    let shown = text(sim(&["replay", &pair(), "--mermaid", "-", "--from", "0.3", "--until", "1"]).stdout);
    assert_snapshot("mermaid", &shown);
    let all = sim(&["replay", "7", "--mermaid", "-"]);
    let told = text(all.stderr);
    assert_eq!(all.status.code(), Some(2));
    assert!(told.contains("a diagram shows 120"), "{told}");
}

#[test]
fn two_forms_of_a_run_do_not_go_into_one_file() {
    let output = sim(&["replay", &pair(), "--trace", "-", "--json", "-"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(text(output.stderr).contains("- cannot take two forms of one run"));
}

#[test]
fn a_page_is_written_and_says_what_it_shows() {
    let path = format!("{}/pair.html", env!("CARGO_TARGET_TMPDIR"));
    let output = sim(&["show", &pair(), "-o", &path]);
    let shown = text(output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.starts_with(&format!("{path} shows ")), "{shown}");
    assert!(std::fs::read_to_string(&path).expect("readable").contains("call 0: n0 "));
    let output = sim(&["show", "1", "--bug", "stored-rejected", "-o", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(output.stdout).starts_with(
        "BROKEN  atomic
"
    ));
}

#[test]
fn a_run_that_is_stopped_is_not_said_to_be_well() {
    let shown = text(sim(&["replay", "7", "--until", "1"]).stdout);
    assert!(shown.ends_with(", stopped, and not judged\n"), "{shown}");
}

#[test]
fn a_signal_ends_a_sweep_as_its_time_does() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dacapo-sim"));
    let sweep = command.args(["sweep", "--seeds", "0..1000000"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sweep = sweep.spawn().expect("it starts");
    let pid = Pid::from_raw(i32::try_from(sweep.id()).expect("a process id")).expect("a process");
    let (mut told, mut stderr) = (String::new(), BufReader::new(sweep.stderr.take().expect("a pipe")));
    stderr.read_line(&mut told).expect("readable");
    assert!(told.starts_with("10 s: ") && told.contains(" of 1000000 seeds, "), "{told}");
    kill_process(pid, Signal::TERM).expect("it runs");
    stderr.read_to_string(&mut told).expect("readable");
    let output = sweep.wait_with_output().expect("it ends");
    let shown = text(output.stdout);
    assert_eq!(output.status.code(), Some(130), "{shown}{told}");
    assert!(shown.contains(" 0 broke a promise") && told.ends_with("interrupted before the end\n"), "{shown}{told}");
}

#[test]
fn what_was_in_a_file_stays_until_there_is_something_to_write() {
    let path = format!("{}/kept.plan", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "an earlier plan").expect("written");
    assert_eq!(sim(&["search", "--runs", "1", "-o", &path]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "an earlier plan");
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(sim(&["search", "--runs", "1", "-o", &path]).status.code(), Some(0));
    assert!(!std::path::Path::new(&path).exists(), "a search that found nothing leaves nothing");
}

// It has to compile, and the node has to pass it.
include!("command_line/as_test.txt");

#[test]
fn a_plan_becomes_a_test_that_compiles() {
    let output = sim(&["shrink", "1", "--bug", "stored-rejected", "--as-test"]);
    assert_eq!(text(output.stdout), include_str!("command_line/as_test.txt"));
}

#[test]
fn a_disk_without_room_does_not_hide_what_a_run_has_shown() {
    let output = sim(&["shrink", "1", "--bug", "stored-rejected", "--runs", "60", "-o", "/dev/full"]);
    let (shown, told) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(1), "{shown}{told}");
    assert!(shown.contains("seed 1\n") && told.contains("cannot write /dev/full"), "{shown}{told}");
}

#[test]
fn a_crash_that_loses_a_file_is_shown_with_a_command_that_repeats_it() {
    let path = format!("{}/two-versions.plan", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "seed 1\nnodes 1\nat 0.4 n0 store 0 22\nat 0.6 n0 store 0 500\nlift 1\n").expect("written");
    let arguments = ["crash", &path, "--down", "300", "--jobs", "2"];
    let output = sim(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stdout));
    let output = sim(&[&arguments as &[_], &["--bug", "no-temporaries"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let shown = text(output.stdout);
    let again = shown.lines().find_map(|line| line.trim().strip_prefix("the same run      cargo sim ")).expect("shown");
    let parts: Vec<_> = again.split('\'').collect();
    let [before, line, after] = parts[..] else { panic!("{again}") };
    let again: Vec<_> = before.split_whitespace().chain([line]).chain(after.split_whitespace()).collect();
    assert_eq!(sim(&again).status.code(), Some(1), "{shown}");
}

#[test]
fn a_command_whose_notes_nobody_reads_goes_on() {
    let arguments = ["shrink", "1", "--bug", "stored-rejected"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_dacapo-sim"));
    let mut child = program.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stderr.take());
    let Output { status, stdout, .. } = child.wait_with_output().expect("it ends");
    let heard = sim(&arguments);
    assert_eq!((status, stdout), (heard.status, heard.stdout));
}

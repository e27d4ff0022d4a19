//! `cargo sim` as its users run it: help texts, exit codes, and a run that repeats in a process of its own.

#[path = "../../tests/support/snapshots.rs"]
mod snapshots;

use std::process::{Command, Output, Stdio};

use dacapo_sim::store::walkthrough::{self, star};
use dacapo_sim::twice::{compare, lines};
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
        ("help_sim_search", &["search", "--help"]),
        ("help_sim_replay", &["replay", "--help"]),
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
        &["planted", "--bug", "none"],
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
fn the_shards_of_a_sweep_are_all_of_it() {
    let runs = |shard: &str| {
        let output = sim(&["sweep", "--seeds", "0..7", "--shard", shard, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["runs"].as_u64().expect("a number")
    };
    assert_eq!((runs("0/3"), runs("1/3"), runs("2/3")), (3, 2, 2));
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

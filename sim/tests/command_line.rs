//! `cargo sim` as its users run it: help texts, exit codes, and the same run in a process of its own.

#[path = "../../tests/support/snapshots.rs"]
mod support;

use std::process::{Command, Output};

use dacapo_sim::twice::{compare, lines};
use dacapo_sim::walkthrough;
use support::assert_snapshot;

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
    let outcome = walkthrough::run(11, dacapo_sim::star::FILES);
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

//! The same seed gives the same run: twice in one process, beside other runs, and whatever the runtime has counted
//! before. `sim/tests/command_line.rs` has the same claim of two processes.

#![expect(clippy::disallowed_methods, reason = "these tests do beside a run what no run may depend on")]

use dacapo_sim::store::walkthrough::{self, star};
use dacapo_sim::twice::{compare, lines};

use crate::support::snapshots::assert_snapshot;

fn trace(seed: u64) -> Vec<String> {
    let outcome = walkthrough::run(seed, star::FILES);
    assert_eq!(outcome.failure, None, "seed {seed}");
    lines(&outcome.trace)
}

fn assert_same(first: &[String], second: &[String], seed: u64) {
    let difference = compare(first.iter().map(String::as_str), second.iter().map(String::as_str));
    assert_eq!(difference.map(|found| found.to_string()), None, "seed {seed}");
}

#[test]
fn a_seed_replays_beside_other_seeds_in_one_process() {
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| (0..6).map(trace).collect::<Vec<_>>())).collect();
    let runs: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no run panics")).collect();
    for run in &runs[1..] {
        for (seed, (first, second)) in (0..).zip(runs[0].iter().zip(run)) {
            assert_same(first, second, seed);
        }
    }
}

#[test]
fn a_seed_replays_at_shifted_task_ids() {
    let first = trace(7);
    for shift in [1, 10, 1000] {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            for _ in 0..shift {
                tokio::spawn(async {}).await.expect("an empty task ends");
            }
        });
        assert_same(&first, &trace(7), 7);
    }
}

#[test]
fn other_seeds_give_other_runs() {
    let traces: Vec<_> = (0..4).map(trace).collect();
    for (index, first) in traces.iter().enumerate() {
        assert!(traces[..index].iter().all(|other| other != first), "seed {index} repeats another one");
    }
}

#[test]
fn a_difference_shows_its_first_line() {
    let found = compare(["same", "one"], ["same", "other"]).expect("they differ");
    assert_snapshot("difference", &found.to_string());
    assert_eq!(compare(["same"], ["same"]), None);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let line = format!("0.{number:03} n{} works", number % 2);
        first.push(line.clone());
        second.push(line);
    }
    first.push("0.030 n0 stops".to_owned());
    second.push("0.030 n0 goes on".to_owned());
    let found = compare(first.iter().map(String::as_str), second.iter().map(String::as_str)).expect("they differ");
    assert_eq!((found.line, found.before.len()), (31, 10));
    assert!(found.before.iter().all(|line| line.contains(" n0 ")), "the lines before are those of the host");
    let end = "both    0.028 n0 works\n  first   0.030 n0 stops\n  second  0.030 n0 goes on";
    assert!(found.to_string().ends_with(end), "{found}");
    assert_eq!(compare(["same"], ["same", "more"]).map(|found| found.line), Some(2));
}

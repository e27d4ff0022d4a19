//! The command `twice`: the proof that the plans of seeds replay, in one process and in another.

use std::ops::Range;
use std::process::{Command, ExitCode};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::parse_range;
use super::output::outln;
use crate::run::run;
use crate::subject::Subject;
use crate::sweep::plan_of;
use crate::twice::{Difference, compare, lines};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..20")]
    seeds: Range<u64>,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> ExitCode {
    let count = arguments.seeds.end - arguments.seeds.start;
    let bar = ProgressBar::new(count).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} seeds, {per_sec}, {eta} left")
            .expect("the template is well-formed"),
    );
    for seed in arguments.seeds.clone() {
        match check(subject, seed) {
            Ok(None) => bar.inc(1),
            Ok(Some((runs, difference))) => {
                bar.abandon();
                outln!("seed {seed} does not replay: comparing {runs}, {difference}");
                outln!("\n  {program} replay {seed} --trace seed-{seed}.trace");
                return ExitCode::FAILURE;
            }
            Err(problem) => {
                bar.abandon();
                eprintln!("{program}: seed {seed}: {problem}");
                return ExitCode::FAILURE;
            }
        }
    }
    bar.finish_and_clear();
    outln!("{count} of {count} seeds replay exactly: twice in this process and once in another, line by line");
    ExitCode::SUCCESS
}

/// Compares three runs of a seed, and says which two differ if any do.
fn check<S: Subject>(subject: &S, seed: u64) -> Result<Option<(&'static str, Difference)>, String> {
    let plan = plan_of(subject, seed);
    let trace = || lines(&run(subject, &plan).trace);
    let (first, second) = (trace(), trace());
    let same_process = compare(first.iter().map(String::as_str), second.iter().map(String::as_str));
    if let Some(difference) = same_process {
        return Ok(Some(("two runs in one process", difference)));
    }
    let other = elsewhere(seed)?;
    let other_process = compare(first.iter().map(String::as_str), other.lines());
    Ok(other_process.map(|difference| ("two processes", difference)))
}

/// Returns the trace of a run of the same seed in a process of its own.
fn elsewhere(seed: u64) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = Command::new(program)
        .args(["replay", "--trace", "-", &seed.to_string()])
        .output()
        .map_err(|error| format!("cannot start another process: {error}"))?;
    // A run that breaks a promise ends with 1, and has to replay all the same.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("the run failed in another process: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| "the trace of another process is not text".to_owned())
}

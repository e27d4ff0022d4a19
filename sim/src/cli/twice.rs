//! `cargo sim twice`

use std::process::{Command, ExitCode};

use dacapo_sim::star;
use dacapo_sim::twice::{Difference, compare, lines};
use dacapo_sim::walkthrough;

use super::TwiceArgs;

pub(super) fn run(args: &TwiceArgs) -> ExitCode {
    let count = args.seeds.end - args.seeds.start;
    let bar = indicatif::ProgressBar::new(count).with_style(
        indicatif::ProgressStyle::with_template("{bar:40} {pos} of {len} seeds, {per_sec}, {eta} left")
            .expect("the template is well-formed"),
    );
    for seed in args.seeds.clone() {
        match check(seed) {
            Ok(None) => bar.inc(1),
            Ok(Some((runs, difference))) => {
                bar.abandon();
                println!("seed {seed} does not replay: comparing {runs}, {difference}");
                println!("\n  cargo sim walkthrough --seed {seed} --trace seed-{seed}.trace");
                return ExitCode::FAILURE;
            }
            Err(problem) => {
                bar.abandon();
                eprintln!("cargo sim: seed {seed}: {problem}");
                return ExitCode::FAILURE;
            }
        }
    }
    bar.finish_and_clear();
    println!("{count} of {count} seeds replay exactly: twice in this process and once in another, line by line");
    ExitCode::SUCCESS
}

fn check(seed: u64) -> Result<Option<(&'static str, Difference)>, String> {
    let run = || {
        let outcome = walkthrough::run(seed, star::FILES);
        outcome.failure.map_or_else(|| Ok(lines(&outcome.trace)), |failure| Err(format!("the run failed: {failure}")))
    };
    let (first, second) = (run()?, run()?);
    let same_process = compare(first.iter().map(String::as_str), second.iter().map(String::as_str));
    if let Some(difference) = same_process {
        return Ok(Some(("two runs in one process", difference)));
    }
    let other = elsewhere(seed)?;
    let other_process = compare(first.iter().map(String::as_str), other.lines());
    Ok(other_process.map(|difference| ("two processes", difference)))
}

/// The trace of the same run in a process of its own.
fn elsewhere(seed: u64) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = Command::new(program)
        .args(["walkthrough", "--trace", "-", "--seed", &seed.to_string()])
        .output()
        .map_err(|error| format!("cannot start another process: {error}"))?;
    if !output.status.success() {
        return Err(format!("the run failed in another process: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| "the trace of another process is not text".to_owned())
}

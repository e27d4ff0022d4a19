//! The command `twice`: the proof that plans replay, in one process and in another.

use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use clap::Args;

use super::arguments::parse_range;
use super::output::{note, outln};
use super::progress::{self, Progress};
use super::source::{Changes, Source};
use crate::plan::Plan;
use crate::run::run;
use crate::subject::Subject;
use crate::twice::{Difference, compare, lines};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A seed, or the path of a plan, instead of --seeds.
    #[arg(value_name = "SEED|FILE", conflicts_with = "seeds")]
    source: Option<String>,
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..20")]
    seeds: Range<u64>,
    #[command(flatten)]
    changes: Changes,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    if let Some(source) = &arguments.source {
        let source = Source::new(source.clone(), &arguments.changes);
        // The first signal waits for the runs, one of which is in another process.
        progress::is_interrupted();
        let replays = replays(program, subject, &source)?;
        if replays {
            outln!("{} replays exactly: twice in this process and once in another", source.again(None));
        }
        return Ok(if replays { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let count = arguments.seeds.end - arguments.seeds.start;
    let progress = Progress::begin(count, "seeds");
    for (done, seed) in (0..).zip(arguments.seeds.clone()) {
        if !progress.goes_on(done) {
            progress.clear();
            outln!("{done} of {count} seeds replay exactly");
            return Ok(progress::well());
        }
        if !replays(program, subject, &Source::new(seed.to_string(), &arguments.changes))? {
            progress.clear();
            return Ok(ExitCode::FAILURE);
        }
    }
    progress.clear();
    outln!("{count} of {count} seeds replay exactly: twice in this process and once in another, line by line");
    Ok(ExitCode::SUCCESS)
}

/// Whether a plan replays. If not, or if nobody can know, says why. Fails if there is no such plan.
fn replays<S: Subject>(program: &str, subject: &S, source: &Source) -> Result<bool, String> {
    let plan = source.plan(subject)?;
    let again = source.again(None);
    match check(&source.subject(subject), &plan, source) {
        Ok(None) => return Ok(true),
        Ok(Some((runs, difference))) => {
            outln!("{again} does not replay: comparing {runs}, {difference}");
            outln!("\n  {program} replay {again} --trace first.trace");
        }
        Err(problem) => note!("{program}: {again}: {problem}"),
    }
    Ok(false)
}

/// Compares three runs of a plan, and says which two differ if any do.
fn check<S: Subject>(
    subject: &S,
    plan: &Plan<S::Call>,
    source: &Source,
) -> Result<Option<(&'static str, Difference)>, String> {
    let trace = || lines(&run(subject, plan).trace);
    let (first, second) = (trace(), trace());
    let same_process = compare(first.iter().map(String::as_str), second.iter().map(String::as_str));
    if let Some(difference) = same_process {
        return Ok(Some(("two runs in one process", difference)));
    }
    let other = elsewhere(plan, source.planted().name())?;
    let other_process = compare(first.iter().map(String::as_str), other.lines());
    Ok(other_process.map(|difference| ("two processes", difference)))
}

/// Returns the trace of a run of the same plan in a process of its own.
fn elsewhere<C: Display>(plan: &Plan<C>, bug: Option<&str>) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let failed = |error: io::Error| format!("cannot start another process: {error}");
    let mut other = Command::new(program)
        .args(["replay", "--trace", "-", "/dev/stdin"])
        .args(bug.into_iter().flat_map(|bug| ["--bug", bug]))
        // An interrupt ends this process once the run is through, and not the run.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // The whole plan is read before anything is written.
    let given = other.stdin.take().map(|mut stdin| stdin.write_all(plan.to_string().as_bytes()));
    let output = other.wait_with_output().map_err(failed)?;
    // A run that breaks a promise ends with 1, and has to replay all the same.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("the run failed in another process: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    given.transpose().map_err(failed)?;
    String::from_utf8(output.stdout).map_err(|_| "the trace of another process is not text".to_owned())
}

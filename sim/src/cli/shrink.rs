//! The command `shrink`: a small plan that breaks the same promise.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::file::ResultFile;
use super::output::{note, out, outln};
use super::progress::{self, Progress};
use super::source::Source;
use crate::artefacts::commented;
use crate::plan::Plan;
use crate::shrink::{other_cause, shrink};
use crate::subject::{Broken, Subject};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Write the plan to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the plan as a Rust test of the subject, without a bug.
    #[arg(long)]
    as_test: bool,
    /// How many runs it may take.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = arguments.source.plan(subject)?;
    let file = arguments.output.as_deref().map(ResultFile::open).transpose()?;
    let progress = Progress::begin(u64::from(arguments.runs), "runs");
    let runs_max = usize::try_from(arguments.runs).unwrap_or(usize::MAX);
    let subject = arguments.source.subject(subject);
    let shrunk = shrink(&subject, &plan, runs_max, |runs| progress.goes_on(runs as u64));
    progress.clear();
    let Some(shrunk) = shrunk else {
        outln!("{} breaks no promise", arguments.source.again(None));
        return Ok(progress::well());
    };
    let text = match arguments.as_test {
        true => as_test::<S>(&shrunk.broken, &shrunk.plan),
        false => commented(&shrunk.broken, &shrunk.plan),
    };
    match file {
        Some(file) => {
            if let Err(error) = file.write(&text) {
                note!("{program}: {error}");
                out!("{text}");
            }
        }
        None => out!("{text}"),
    }
    note!("{} of {} steps are left, after {} runs", shrunk.plan.steps.len(), plan.steps.len(), shrunk.runs);
    if let Some(what) = other_cause(&shrunk.first, &shrunk.broken) {
        note!("before shrinking, the cause was another one: {what}");
    }
    Ok(ExitCode::FAILURE)
}

/// Returns a plan as a Rust test.
fn as_test<S: Subject>(broken: &Broken, plan: &Plan<S::Call>) -> String {
    let comment: String = broken.to_string().lines().map(|line| format!("/// {line}\n")).collect();
    let lines: String = plan.to_string().lines().map(|line| format!("    {}\\n\\\n", line.escape_default())).collect();
    format!(
        "{comment}#[test]\nfn the_plan_of_seed_{}_breaks_no_promise() {{\n    let plan = \"\\\n{lines}    \";\n    \
         dacapo_sim::check::assert_holds(&{}, plan);\n}}\n",
        plan.seed,
        S::expression()
    )
}

//! The command `shrink`: a small plan that breaks the same promise.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::file::ResultFile;
use super::output::{out, outln};
use super::progress::{self, Progress};
use super::source::{Source, commented};
use crate::shrink::shrink;
use crate::subject::Subject;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Write the plan to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many runs it may take.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    runs: usize,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = arguments.source.plan(subject)?;
    let file = arguments.output.as_deref().map(ResultFile::open).transpose()?;
    let progress = Progress::begin(arguments.runs as u64, "runs");
    let subject = arguments.source.subject(subject);
    let shrunk = shrink(&subject, &plan, arguments.runs, |runs| progress.goes_on(runs as u64));
    progress.clear();
    let Some(shrunk) = shrunk else {
        outln!("{} breaks no promise", arguments.source.again(None));
        return Ok(progress::well());
    };
    let text = commented(&shrunk.broken, &shrunk.plan);
    match file {
        Some(file) => {
            if let Err(error) = file.write(&text) {
                eprintln!("{program}: {error}");
                out!("{text}");
            }
        }
        None => out!("{text}"),
    }
    eprintln!("{} of {} steps are left, after {} runs", shrunk.plan.steps.len(), plan.steps.len(), shrunk.runs);
    Ok(ExitCode::FAILURE)
}

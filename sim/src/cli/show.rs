//! The command `show`: one run as a page to be looked at.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::arguments::parse_seconds;
use super::file::ResultFile;
use super::output::{note, outln};
use super::source::Source;
use crate::export::page;
use crate::run::film;
use crate::subject::Subject;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Stop at this moment of virtual time, in seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    until: Option<f64>,
    /// Write the page to this file.
    #[arg(short, long, value_name = "FILE", default_value = "run.html")]
    output: PathBuf,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = arguments.source.plan(subject)?;
    let file = ResultFile::open(&arguments.output)?;
    let subject = arguments.source.subject(subject);
    let (run, film) = film(&subject, &plan, arguments.until.map(Duration::from_secs_f64));
    let page = page(program, &subject, &run, &film, &arguments.source.again(None));
    let code = if run.broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if let Some(broken) = &run.broken {
        outln!("BROKEN  {}\n        {}", broken.oracle, broken.what);
    }
    // What a run has broken counts, also if there is no page of it.
    match file.write(&page) {
        Ok(()) => outln!("{} shows {:.3} virtual seconds", arguments.output.display(), run.elapsed.as_secs_f64()),
        Err(error) if run.broken.is_some() => note!("{program}: {error}"),
        Err(error) => return Err(error),
    }
    Ok(code)
}

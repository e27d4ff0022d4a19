//! The command `search`: plans are changed at random until one breaks a promise.

use std::process::ExitCode;

use clap::Args;

use super::found::Found;
use super::output::outln;
use super::progress::{self, Effort};
use super::source::{Corpus, Planted};
use crate::search::Search;
use crate::subject::Subject;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// What all random choices are drawn from. The same seed finds the same, after the same number of runs.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Stop after this many runs; after 1000 if neither this nor --for is given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    found: Found,
    #[command(flatten)]
    corpus: Corpus,
    #[command(flatten)]
    planted: Planted,
}

/// How many runs there are if no end is given.
const RUNS: u64 = 1000;

pub(super) fn execute<S>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String>
where
    S: Subject + Sync,
{
    let subject = arguments.planted.subject(subject);
    let runs_told = arguments.runs.or((!arguments.effort.is_limited()).then_some(RUNS));
    let runs_max = runs_told.unwrap_or(u64::MAX);
    let corpus = arguments.corpus.plans(&subject)?;
    let file = arguments.found.open()?;
    let (progress, jobs) = (arguments.effort.begin(runs_told, "runs"), arguments.effort.jobs());
    let mut search = Search::new(arguments.seed, corpus);
    let mut found = None;
    while found.is_none() && search.runs() < runs_max && progress.goes_on(search.runs()) {
        found = search.step(&subject, jobs, runs_max - search.runs());
    }
    progress.clear();
    let (runs, kept, sights) = (search.runs(), search.kept().len(), search.sights());
    outln!("{runs} runs have shown {sights} different things, {kept} plans were kept");
    let Some(found) = found else { return Ok(progress::well()) };
    arguments.found.show(program, file, &subject, &arguments.planted, (&found.plan, &found.broken));
    Ok(ExitCode::FAILURE)
}

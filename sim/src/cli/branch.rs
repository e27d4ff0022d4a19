//! The command `branch`: one plan up to a moment, and from then on as the plans of many seeds go on.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::arguments::{parse_range, parse_seconds};
use super::found::Found;
use super::output::outln;
use super::progress::{self, Effort};
use super::source::Source;
use crate::subject::Subject;
use crate::sweep::{Sweep, plan_of, sweep_plans};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// The moment, in seconds of virtual time: what the plan does before it is done in each run.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    at: f64,
    /// The seeds, from A up to but not including B. What their plans do from the moment on is done then.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..1000")]
    seeds: Range<u64>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    found: Found,
}

pub(super) fn execute<S>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String>
where
    S: Subject + Sync,
{
    let plan = arguments.source.plan(subject)?;
    let at = Duration::from_secs_f64(arguments.at);
    let lift = Duration::from_millis(plan.lift_ms);
    if at >= lift {
        return Err(format!("all faults of this plan end at {} s: branch before that", lift.as_secs_f64()));
    }
    let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let planted = arguments.source.subject(subject);
    let branch_of = |seed| plan.branch(&plan_of(subject, seed), at_ms);
    let sweep = Sweep::all(arguments.seeds.clone(), arguments.effort.jobs());
    let (file, progress) = (arguments.found.open()?, arguments.effort.begin(sweep.len(), "branches"));
    let totals =
        sweep_plans(&planted, &sweep, branch_of, |totals| progress.goes_on(totals.runs) && totals.broken.is_empty());
    progress.clear();
    outln!("{} branches were run, {} broke a promise", totals.runs, totals.broken.len());
    let Some((seed, broken)) = totals.broken.first_key_value() else { return Ok(progress::well()) };
    arguments.found.show(program, file, &planted, arguments.source.planted(), (&branch_of(*seed), broken));
    Ok(ExitCode::FAILURE)
}

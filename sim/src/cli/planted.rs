//! The command `planted`: whether each planted bug is caught, by which oracle, and after how many runs.

mod compare;

use std::process::ExitCode;

use clap::Args;

use super::median::median;
use super::output::outln;
use super::progress::{self, jobs};
use crate::shrink::{SHRINK_RUNS_MAX, shrink};
use crate::subject::Subject;
use crate::sweep::{Sweep, plan_of, sweep};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// How many seeds each bug has.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Plant this bug alone. May be given several times.
    #[arg(long = "bug", value_name = "BUG")]
    bugs: Vec<String>,
    /// Shrink each, and show how many steps are left after how many runs.
    #[arg(long, conflicts_with = "search")]
    shrink: bool,
    /// Search as well, and compare how many runs it takes with how many seeds.
    #[arg(long)]
    search: bool,
    /// How often to search, each time with other seeds; the table has the median and the worst.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    repeat: u64,
    /// How many threads search; all cores if it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

pub(super) fn execute<S: Subject + Sync>(subject: &S, arguments: &Arguments) -> ExitCode {
    // A panic is one way to be caught; its words are not of interest here.
    std::panic::set_hook(Box::new(|_| ()));
    let is_chosen = |bug: &&&str| arguments.bugs.is_empty() || arguments.bugs.iter().any(|chosen| chosen == **bug);
    let bugs: Vec<&str> = subject.bugs().iter().filter(is_chosen).copied().collect();
    if arguments.search {
        return compare::execute(subject, &bugs, arguments.seeds, arguments.repeat, jobs(arguments.jobs));
    }
    outln!("{:<26}  {:<14}  {:>6}  {:>10}  {:>5}", "PLANTED BUG", "CAUGHT BY", "SEEDS", "STEPS LEFT", "RUNS");
    let mut seeds_needed = Vec::new();
    let mut steps_left = Vec::new();
    let mut is_any_missed = false;
    for bug in &bugs {
        let subject = subject.clone().plant(bug);
        let seeds = 0..arguments.seeds;
        let totals = sweep(&subject, &Sweep::all(seeds, 1), |_| !progress::is_interrupted());
        let Some((seed, broken)) = totals.broken.into_iter().next() else {
            if progress::is_interrupted() {
                break;
            }
            outln!("{bug:<26}  {:<14}  {:>6}", "NOBODY", arguments.seeds);
            is_any_missed = true;
            continue;
        };
        seeds_needed.push(seed + 1);
        let plan = plan_of(&subject, seed);
        let goes_on = |_| !progress::is_interrupted();
        let shrunk = arguments.shrink.then(|| shrink(&subject, &plan, SHRINK_RUNS_MAX, goes_on)).flatten();
        let (steps, runs) = shrunk.map_or(("-".to_owned(), "-".to_owned()), |shrunk| {
            steps_left.push(shrunk.plan.steps.len());
            (shrunk.plan.steps.len().to_string(), shrunk.runs.to_string())
        });
        outln!("{bug:<26}  {:<14}  {:>6}  {steps:>10}  {runs:>5}", broken.oracle, seed + 1);
    }
    let (caught, all) = (seeds_needed.len(), bugs.len());
    outln!("\n{caught} of {all} caught, median {} seeds", median(seeds_needed));
    if arguments.shrink {
        outln!("median {} steps left after shrinking", median(steps_left));
    }
    if is_any_missed { ExitCode::FAILURE } else { progress::well() }
}

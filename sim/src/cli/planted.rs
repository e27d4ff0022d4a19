//! The command `planted`: whether each planted bug is caught, by which oracle, and after how many seeds.

use std::process::ExitCode;

use clap::Args;

use crate::shrink::shrink;
use crate::subject::Subject;
use crate::sweep::{Sweep, plan_of, sweep};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// How many seeds each bug has.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seeds: u64,
    /// Shrink each, and show how many steps are left after how many runs.
    #[arg(long)]
    shrink: bool,
}

/// How many runs a plan is shrunk with. Chosen: what a table of about forty bugs has time for.
const SHRINK_RUNS_MAX: usize = 400;

pub(super) fn execute<S: Subject + Sync>(subject: &S, arguments: &Arguments) -> ExitCode {
    // A panic is one way to be caught; its words are not of interest here.
    std::panic::set_hook(Box::new(|_| ()));
    println!("{:<26}  {:<14}  {:>6}  {:>10}  {:>5}", "PLANTED BUG", "CAUGHT BY", "SEEDS", "STEPS LEFT", "RUNS");
    let mut seeds_needed = Vec::new();
    let mut steps_left = Vec::new();
    for bug in subject.bugs() {
        let subject = subject.clone().plant(bug);
        let seeds = 0..arguments.seeds;
        let totals = sweep(&subject, &Sweep { seeds, jobs: 1, shard: (0, 1) }, |_| true);
        let Some((seed, broken)) = totals.broken.into_iter().next() else {
            println!("{bug:<26}  {:<14}  {:>6}", "NOBODY", arguments.seeds);
            continue;
        };
        seeds_needed.push(seed + 1);
        let plan = plan_of(&subject, seed);
        let shrunk = arguments.shrink.then(|| shrink(&subject, &plan, SHRINK_RUNS_MAX, |_| ())).flatten();
        let (steps, runs) = shrunk.map_or(("-".to_owned(), "-".to_owned()), |shrunk| {
            steps_left.push(shrunk.plan.steps.len());
            (shrunk.plan.steps.len().to_string(), shrunk.runs.to_string())
        });
        println!("{bug:<26}  {:<14}  {:>6}  {steps:>10}  {runs:>5}", broken.oracle, seed + 1);
    }
    let (caught, all) = (seeds_needed.len(), subject.bugs().len());
    println!("\n{caught} of {all} caught, median {} seeds", median(seeds_needed));
    if arguments.shrink {
        println!("median {} steps left after shrinking", median(steps_left));
    }
    if caught == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

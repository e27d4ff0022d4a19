//! `cargo sim planted`

use std::process::ExitCode;

use dacapo_sim::files::Files;
use dacapo_sim::planted::Bug;
use dacapo_sim::shrink::shrink;
use dacapo_sim::sweep::{Sweep, plan_of, sweep};

use super::PlantedArgs;

pub(super) fn execute(args: &PlantedArgs) -> ExitCode {
    // A panic is one way to be caught; its words are not of interest here.
    std::panic::set_hook(Box::new(|_| ()));
    println!("{:<26}  {:<14}  {:>6}  {:>10}  {:>5}", "PLANTED BUG", "CAUGHT BY", "SEEDS", "STEPS LEFT", "RUNS");
    let mut missed = 0;
    let mut seeds_needed = Vec::new();
    let mut steps_left = Vec::new();
    for bug in Bug::ALL {
        let subject = Files { bug: Some(*bug) };
        let sweep = sweep(&subject, &Sweep { seeds: 0..args.seeds, jobs: 1, shard: (0, 1) }, |_| true);
        let Some((seed, broken)) = sweep.broken.into_iter().next() else {
            println!("{:<26}  {:<14}  {:>6}", bug.name(), "NOBODY", args.seeds);
            missed += 1;
            continue;
        };
        seeds_needed.push(seed + 1);
        let shrunk = args.shrink.then(|| shrink(&subject, &plan_of(&subject, seed), 400, |_| ())).flatten();
        let (steps, runs) = shrunk.map_or(("-".to_owned(), "-".to_owned()), |shrunk| {
            steps_left.push(shrunk.plan.steps.len());
            (shrunk.plan.steps.len().to_string(), shrunk.runs.to_string())
        });
        println!("{:<26}  {:<14}  {:>6}  {steps:>10}  {runs:>5}", bug.name(), broken.oracle, seed + 1);
    }
    println!("\n{} of {} caught, median {} seeds", seeds_needed.len(), Bug::ALL.len(), median(seeds_needed));
    if args.shrink {
        println!("median {} steps left after shrinking", median(steps_left));
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

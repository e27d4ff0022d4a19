//! The command `planted`: whether each planted bug is caught, by which oracle, and after how many runs.

mod compare;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::median::median;
use super::output::outln;
use super::progress::{self, jobs};
use super::source::Corpus;
use crate::parallel;
use crate::shrink::{SHRINK_RUNS_MAX, shrink};
use crate::subject::Subject;
use crate::sweep::{Sweep, plan_of, sweep};
use compare::{Comparison, SEEDS_MAX};

#[derive(Args, Debug)]
#[command(mut_arg("corpus", |corpus| corpus.requires("search")))]
pub(super) struct Arguments {
    /// How many seeds each bug has.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    seeds: u64,
    /// Name the bugs, and do nothing else.
    #[arg(long)]
    list: bool,
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
    #[command(flatten)]
    corpus: Corpus,
    /// How many threads work; all cores if it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

pub(super) fn execute<S: Subject + Sync>(subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.list {
        subject.bugs().iter().for_each(|bug| outln!("{bug}"));
        return Ok(ExitCode::SUCCESS);
    }
    let corpus = arguments.corpus.plans(subject)?;
    // A panic is one way to be caught; its words are not of interest here.
    std::panic::set_hook(Box::new(|_| ()));
    let is_chosen = |bug: &&&str| arguments.bugs.is_empty() || arguments.bugs.iter().any(|chosen| chosen == **bug);
    let bugs: Vec<&str> = subject.bugs().iter().filter(is_chosen).copied().collect();
    if arguments.search {
        let effort = Comparison { runs_max: arguments.seeds, repeat: arguments.repeat, jobs: jobs(arguments.jobs) };
        return Ok(compare::execute(subject, &bugs, &effort, &corpus));
    }
    outln!(
        "{:<26}  {:<14}  {:>6}  {:>10}  {:>5}  {:>7}",
        "PLANTED BUG",
        "CAUGHT BY",
        "SEEDS",
        "STEPS LEFT",
        "RUNS",
        "SECONDS"
    );
    let mut verdicts = Vec::with_capacity(bugs.len());
    parallel::in_order(
        jobs(arguments.jobs),
        bugs.len(),
        |number| judge(subject, bugs[number], arguments),
        |verdict| {
            if let Some(verdict) = &verdict {
                outln!("{verdict}");
            }
            verdicts.extend(verdict);
        },
    );
    let caught: Vec<&Caught> = verdicts.iter().filter_map(|verdict| verdict.caught.as_ref()).collect();
    let seeds = median(caught.iter().map(|caught| caught.seeds).collect());
    outln!("\n{} of {} caught, median {seeds} seeds", caught.len(), bugs.len());
    if arguments.shrink {
        let shrunk: Vec<&Shrunk> = caught.iter().filter_map(|caught| caught.shrunk.as_ref()).collect();
        let steps = median(shrunk.iter().map(|shrunk| shrunk.steps).collect());
        let took = median(shrunk.iter().map(|shrunk| shrunk.took).collect()).as_secs_f64();
        outln!("median {steps} steps left after shrinking, which took {took:.1} s");
    }
    Ok(if caught.len() < verdicts.len() { ExitCode::FAILURE } else { progress::well() })
}

/// What became of one planted bug. Displays its row of the table.
struct Verdict<'a> {
    bug: &'a str,
    seeds_max: u64,
    /// `None` if no seed has caught it.
    caught: Option<Caught>,
}

struct Caught {
    oracle: &'static str,
    seeds: u64,
    shrunk: Option<Shrunk>,
}

struct Shrunk {
    /// How many steps are left.
    steps: usize,
    runs: usize,
    took: Duration,
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Caught { oracle, seeds, shrunk }) = &self.caught else {
            return write!(f, "{:<26}  {:<14}  {:>6}", self.bug, "NOBODY", self.seeds_max);
        };
        write!(f, "{:<26}  {oracle:<14}  {seeds:>6}  ", self.bug)?;
        match shrunk {
            Some(Shrunk { steps, runs, took }) => write!(f, "{steps:>10}  {runs:>5}  {:>7.1}", took.as_secs_f64()),
            None => write!(f, "{:>10}  {:>5}  {:>7}", "-", "-", "-"),
        }
    }
}

/// Looks for the first seed that catches the bug. `None` if that is interrupted.
fn judge<'a, S: Subject + Sync>(subject: &S, bug: &'a str, arguments: &Arguments) -> Option<Verdict<'a>> {
    let subject = subject.clone().plant(bug);
    let goes_on = |_| !progress::is_interrupted();
    let totals = sweep(&subject, &Sweep::all(0..arguments.seeds, 1), |_| !progress::is_interrupted());
    let caught = totals.broken.into_iter().next().map(|(seed, broken)| {
        let begun = progress::monotonic();
        let shrunk =
            arguments.shrink.then(|| shrink(&subject, &plan_of(&subject, seed), SHRINK_RUNS_MAX, goes_on)).flatten();
        let took = progress::monotonic().saturating_sub(begun);
        let shrunk = shrunk.map(|shrunk| Shrunk { steps: shrunk.plan.steps.len(), runs: shrunk.runs, took });
        Caught { oracle: broken.oracle, seeds: seed + 1, shrunk }
    });
    (caught.is_some() || !progress::is_interrupted()).then_some(Verdict { bug, seeds_max: arguments.seeds, caught })
}

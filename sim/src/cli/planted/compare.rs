//! How many runs it takes to catch each planted bug: by seeds in their order, and by search.

use std::process::ExitCode;

use crate::cli::median::median;
use crate::cli::output::outln;
use crate::cli::progress::{self, Progress};
use crate::parallel;
use crate::plan::Plan;
use crate::search::Search;
use crate::subject::Subject;
use crate::sweep::{Sweep, sweep};

/// The most seeds of a bug: the repetitions of a comparison begin so far apart.
pub(super) const SEEDS_MAX: u64 = 1_000_000;

/// How many runs one repetition took; `None` if it did not catch the bug.
type Caught = Option<u64>;

/// How much is done to compare.
pub(super) struct Comparison {
    /// The most seeds, and the most runs of a search.
    pub(super) runs_max: u64,
    /// How often, each time with other seeds.
    pub(super) repeat: u64,
    /// How many threads work.
    pub(super) jobs: usize,
}

pub(super) fn execute<S: Subject + Sync>(
    subject: &S,
    bugs: &[&str],
    &Comparison { runs_max, repeat, jobs }: &Comparison,
    corpus: &[Plan<S::Call>],
) -> ExitCode {
    outln!(
        "{:<26}  {:>14}  {:>14}  {:>14}  {:>14}",
        "PLANTED BUG",
        "SEEDS, MEDIAN",
        "WORST",
        "SEARCH, MEDIAN",
        "WORST"
    );
    let (mut medians, mut worsts) = (Vec::new(), Vec::new());
    let progress = Progress::begin(bugs.len() as u64, "bugs");
    for (done, bug) in (0..).zip(bugs) {
        if !progress.goes_on(done) {
            break;
        }
        let subject = subject.clone().plant(bug);
        let count = usize::try_from(2 * repeat).expect("at most 200");
        let caught = parallel::map(jobs, count, |index| {
            let number = index as u64 / 2;
            match index % 2 {
                0 => by_seeds(&subject, number, runs_max),
                _ => by_search(&subject, Search::new(number, corpus.to_vec()), runs_max),
            }
        });
        let pick = |side: usize| caught.iter().skip(side).step_by(2).copied().collect::<Vec<_>>();
        let (seeds, search) = (figures(&pick(0)), figures(&pick(1)));
        let show = |runs: Caught| runs.map_or(format!("over {runs_max}"), |runs| runs.to_string());
        let [a, b, c, d] = [seeds.0, seeds.1, search.0, search.1].map(show);
        progress.clear();
        outln!("{bug:<26}  {a:>14}  {b:>14}  {c:>14}  {d:>14}");
        medians.push((seeds.0.unwrap_or(runs_max), search.0.unwrap_or(runs_max)));
        worsts.push(search.1);
    }
    let of = |side: fn(&(u64, u64)) -> u64| median(medians.iter().map(side).collect());
    outln!("\nmedian of the medians: {} seeds, {} runs of the search", of(|both| both.0), of(|both| both.1));
    if worsts.iter().all(Option::is_some) { progress::well() } else { ExitCode::FAILURE }
}

fn by_seeds<S: Subject + Sync>(subject: &S, number: u64, runs_max: u64) -> Caught {
    let from = number * SEEDS_MAX;
    let totals = sweep(subject, &Sweep::all(from..from + runs_max, 1), |_| true);
    totals.broken.keys().next().map(|seed| seed - from + 1)
}

fn by_search<S: Subject + Sync>(subject: &S, mut search: Search<S::Call>, runs_max: u64) -> Caught {
    while search.runs() < runs_max {
        if search.step(subject, 1, runs_max - search.runs()).is_some() {
            return Some(search.runs());
        }
    }
    None
}

/// Returns the median and the worst; what was not caught is worse than all.
fn figures(caught: &[Caught]) -> (Caught, Caught) {
    let mut runs: Vec<u64> = caught.iter().map(|caught| caught.unwrap_or(u64::MAX)).collect();
    runs.sort_unstable();
    let known = |runs: u64| (runs != u64::MAX).then_some(runs);
    (known(median(runs.clone())), runs.last().copied().and_then(known))
}

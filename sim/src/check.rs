//! What a test of a subject needs: a sweep and, if a seed breaks a promise, the shrunk plan of the first one and its
//! report.

use std::fmt;
use std::ops::Range;

use crate::oracle::replay;
use crate::plan::Plan;
use crate::report::report;
use crate::run::run;
use crate::shrink::{Shrunk, other_cause, shrink};
use crate::subject::{Broken, Subject};
use crate::sweep::{Sweep, Totals, plan_of, sweep};

/// How many runs a plan is shrunk with. Chosen: more than enough, because it is one plan alone.
const SHRINK_RUNS_MAX: usize = 1000;

/// The result of a check. Its text is for people.
#[derive(Clone, Debug)]
pub struct Checked<C> {
    /// What the sweep has counted.
    pub totals: Totals,
    /// The first seed that breaks a promise, if any does.
    pub found: Option<Failure<C>>,
}

/// A seed that breaks a promise.
#[derive(Clone, Debug)]
pub struct Failure<C> {
    /// The seed.
    pub seed: u64,
    /// The plan that it names.
    pub plan: Plan<C>,
    /// How it breaks the promise.
    pub broken: Broken,
    /// A smaller plan and its report. `None` if two runs have differed.
    pub smaller: Option<(Shrunk<C>, String)>,
}

/// Sweeps seeds in their order, on this thread, up to the first that breaks a promise, and shrinks its plan.
///
/// # Panics
/// If the program panics again while the plan is shrunk.
pub fn check<S: Subject + Sync>(subject: &S, seeds: Range<u64>) -> Checked<S::Call> {
    let totals = sweep(subject, &Sweep::all(seeds, 1), |_| true);
    let found = totals.broken.first_key_value().map(|(seed, broken)| {
        let plan = plan_of(subject, *seed);
        let shrunk = match broken.oracle {
            replay::NAME => None,
            _ => shrink(subject, &plan, SHRINK_RUNS_MAX, |_| true),
        };
        let smaller = shrunk.map(|shrunk| {
            let report = report(&run(subject, &shrunk.plan), None);
            (shrunk, report)
        });
        Failure { seed: *seed, plan, broken: broken.clone(), smaller }
    });
    Checked { totals, found }
}

/// Runs a plan that was written down.
///
/// # Panics
/// If the text is no plan of the subject, or if the run breaks a promise: with a report.
pub fn assert_holds<S: Subject>(subject: &S, plan: &str) {
    let plan: Plan<S::Call> = plan.parse().unwrap_or_else(|error| panic!("{error}"));
    plan.check_words(subject.options(), subject.lies()).unwrap_or_else(|error| panic!("{error}"));
    let run = run(subject, &plan);
    assert!(run.broken.is_none(), "\n{}", report(&run, None));
}

impl<C: fmt::Display> fmt::Display for Checked<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Failure { seed, plan, broken, smaller }) = &self.found else {
            return write!(f, "{} seeds break no promise", self.totals.runs);
        };
        write!(f, "seed {seed} breaks a promise, {broken}")?;
        let Some((shrunk, report)) = smaller else { return Ok(()) };
        let (left, steps) = (shrunk.plan.steps.len(), plan.steps.len());
        write!(f, "\n{left} of its {steps} steps are left, after {} runs", shrunk.runs)?;
        if other_cause(&shrunk.first, &shrunk.broken).is_some() {
            f.write_str(", and break the promise for another cause")?;
        }
        write!(f, ":\n\n{}\n{report}", shrunk.plan)
    }
}

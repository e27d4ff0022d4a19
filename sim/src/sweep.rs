//! A sweep: many seeds on all cores. Each seed is drawn, run and judged, and one in [`TWICE_EVERY`] is run twice and
//! compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::draw;
use crate::oracle::{live, replay};
use crate::pairs::{Pairs, pairs};
use crate::plan::Plan;
use crate::run::run;
use crate::subject::{Broken, Run, Subject};

/// Of this many seeds one is run twice, and the two traces are compared. Chosen: it costs a sixtieth of the rate.
pub const TWICE_EVERY: u64 = 64;

/// What is swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How many threads.
    pub jobs: usize,
    /// The part of the range, counted from 0, and how many parts there are. A part has the seeds that leave this
    /// remainder.
    pub shard: (u64, u64),
    /// Seeds that are left out, because they are done already.
    pub done: BTreeSet<u64>,
}

impl Sweep {
    /// Sweeps all seeds of a range, on this many threads.
    #[must_use]
    pub fn all(seeds: Range<u64>, jobs: usize) -> Self {
        Self { seeds, jobs, shard: (0, 1), done: BTreeSet::new() }
    }

    /// Returns the first seed of the part, unless there is none up to 2^64 - 1.
    #[must_use]
    pub fn first(&self) -> u64 {
        let ((part, of), start) = (self.shard, self.seeds.start);
        let is_at = start % of;
        let ahead = if is_at <= part { part - is_at } else { of - is_at + part };
        start.saturating_add(ahead)
    }

    /// Returns how many seeds are swept.
    #[must_use]
    pub fn len(&self) -> u64 {
        let (part, of) = self.shard;
        let below = |end: u64| end / of + u64::from(end % of > part);
        below(self.seeds.end) - below(self.seeds.start) - self.done.len() as u64
    }

    /// Whether no seed is swept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a sweep has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs that were judged.
    pub runs: u64,
    /// Runs that were done a second time, with the same trace.
    pub twice: u64,
    /// Virtual time of all runs.
    pub virtual_time: Duration,
    /// Faults that took effect, by their first word.
    pub faults: BTreeMap<String, u64>,
    /// Rare states that were reached.
    pub reached: BTreeMap<&'static str, u64>,
    /// How often each kind of calls has met each fault.
    pub pairs: Pairs,
    /// The seeds that broke a promise, and how.
    pub broken: BTreeMap<u64, Broken>,
    /// Every seed of the part below this one is done.
    pub next: u64,
    /// Seeds above that are done as well.
    pub beyond: BTreeSet<u64>,
}

/// Returns the plan that a seed names.
#[must_use]
pub fn plan_of<S: Subject>(subject: &S, seed: u64) -> Plan<S::Call> {
    draw::tree(subject, seed).current()
}

/// Sweeps until the range is done, a promise is broken, or `goes_on` returns false. `goes_on` is called after each
/// run, on the thread that did it.
pub fn sweep<S>(subject: &S, sweep: &Sweep, goes_on: impl Fn(&Totals) -> bool + Sync) -> Totals
where
    S: Subject + Sync,
{
    let goes_on = |totals: &Totals| totals.broken.is_empty() && goes_on(totals);
    sweep_plans(subject, sweep, |seed| plan_of(subject, seed), goes_on)
}

/// Sweeps plans that numbers other than seeds name, until the range is done or `goes_on` returns false.
pub(crate) fn sweep_plans<S>(
    subject: &S,
    sweep: &Sweep,
    plan_of: impl Fn(u64) -> Plan<S::Call> + Sync,
    goes_on: impl Fn(&Totals) -> bool + Sync,
) -> Totals
where
    S: Subject + Sync,
{
    let next = AtomicU64::new(sweep.first());
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Totals { next: sweep.first(), beyond: sweep.done.clone(), ..Totals::default() });
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let after = |seed: u64| (seed < sweep.seeds.end).then(|| seed.saturating_add(sweep.shard.1));
            let Ok(seed) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after) else { return };
            if sweep.done.contains(&seed) {
                continue;
            }
            let one = judge(subject, seed, &plan_of);
            let mut summary = summary.lock().expect("no thread panics while it holds the summary");
            summary.add(seed, one);
            summary.note_done(seed, sweep.shard.1);
            if !goes_on(&summary) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..sweep.jobs {
            scope.spawn(work);
        }
        work();
    });
    summary.into_inner().expect("every thread has ended")
}

/// What one seed adds to the totals.
#[derive(Default)]
struct One {
    virtual_time: Duration,
    faults: BTreeMap<String, u64>,
    reached: BTreeMap<&'static str, u64>,
    pairs: Pairs,
    broken: Option<Broken>,
    was_twice: bool,
}

fn judge<S: Subject>(subject: &S, seed: u64, plan_of: impl Fn(u64) -> Plan<S::Call>) -> One {
    let plan = plan_of(seed);
    let was_twice = seed.is_multiple_of(TWICE_EVERY);
    let (broken, one) = judge_plan(subject, &plan, |first| {
        let differs = was_twice.then(|| replay::judge(first, &run(subject, &plan)).err()).flatten();
        One {
            virtual_time: first.elapsed,
            faults: first.faults.clone(),
            reached: subject.reached(first),
            pairs: pairs(&first.trace),
            broken: differs,
            was_twice,
        }
    });
    let one = one.unwrap_or_default();
    // What a run breaks that is not the same a second time cannot be looked into before that is mended.
    One { broken: one.broken.or(broken), ..one }
}

/// Runs a plan, and looks at the run. Returns the promise that it broke, and what was seen unless it panicked.
pub(crate) fn judge_plan<S: Subject, T>(
    subject: &S,
    plan: &Plan<S::Call>,
    look: impl FnOnce(&Run<S>) -> T,
) -> (Option<Broken>, Option<T>) {
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let run = run(subject, plan);
        (run.broken.clone(), Some(look(&run)))
    }));
    judged.unwrap_or_else(|_| (Some(live::broken("the run panicked")), None))
}

impl Totals {
    /// Notes that a seed is done. Those of the part are `step` apart.
    fn note_done(&mut self, seed: u64, step: u64) {
        self.beyond.insert(seed);
        while self.beyond.remove(&self.next) {
            self.next = self.next.saturating_add(step);
        }
    }

    fn add(&mut self, seed: u64, one: One) {
        self.runs += 1;
        self.twice += u64::from(one.was_twice);
        self.virtual_time += one.virtual_time;
        for (fault, count) in one.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (state, count) in one.reached {
            *self.reached.entry(state).or_default() += count;
        }
        for (pair, count) in one.pairs {
            *self.pairs.entry(pair).or_default() += count;
        }
        if let Some(broken) = one.broken {
            self.broken.insert(seed, broken);
        }
    }
}

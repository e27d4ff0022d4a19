//! A search for a plan that breaks a promise. Plans are changed at random and spliced, and those whose runs show
//! something new are kept to be changed further (coverage-guided fuzzing, as libFuzzer does; of whole systems by what
//! they say and not by their code: Meng et al., "Greybox Fuzzing of Distributed Systems", CCS 2023; rare sights first:
//! Böhme et al., "Boosting Fuzzer Efficiency", FSE 2020).
//!
//! A search may begin with plans that somebody has kept (libFuzzer's corpus): they run first, as they are.
//!
//! The same seed, kept plans and number of runs find the same, on any number of threads.

pub mod mutate;
mod sights;

use std::collections::{BTreeMap, BTreeSet};

use dacapo::seed::{Rng, Seed, SeedRng};

use crate::draw::choice::below;
use crate::parallel;
use crate::plan::Plan;
use crate::subject::{Broken, Subject};
use crate::sweep::{judge_plan, plan_of};
use mutate::mutate;

/// How many plans are made before their runs are looked at. It is part of what a search means, so it does not depend on
/// the number of threads.
const BATCH: usize = 16;

/// The share of plans that are those of fresh seeds, in percent.
const FRESH_SHARE: u32 = 25;

/// Of this many sights, the rarest chooses the plan that is changed.
const CHOICES: u32 = 6;

/// The stream that is drawn from, of each derived seed. It is part of what a search means.
const STREAM: u64 = 1;

/// A search, and what it has seen so far.
pub struct Search<C> {
    seed: u64,
    runs: u64,
    /// The plans that run first.
    corpus: Vec<Plan<C>>,
    kept: Vec<Plan<C>>,
    /// Each sight, how many runs had it, and the kept plan with the fewest steps that shows it.
    sights: BTreeMap<u64, Sight>,
}

struct Sight {
    runs: u64,
    plan: usize,
}

/// A plan that breaks a promise.
#[derive(Clone, Debug)]
pub struct Found<C> {
    /// The plan.
    pub plan: Plan<C>,
    /// How it breaks the promise.
    pub broken: Broken,
}

/// What a run has shown.
struct Shown {
    broken: Option<Broken>,
    sights: BTreeSet<u64>,
}

impl<C: Clone + Send + Sync> Search<C> {
    /// Begins a search with these plans, which may be none.
    #[must_use]
    pub fn new(seed: u64, corpus: Vec<Plan<C>>) -> Self {
        Self { seed, runs: 0, corpus, kept: Vec::new(), sights: BTreeMap::new() }
    }

    /// Returns how many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns the plans that are kept because their runs showed something new.
    #[must_use]
    pub fn kept(&self) -> &[Plan<C>] {
        &self.kept
    }

    /// Returns how many different things the runs have shown.
    #[must_use]
    pub fn sights(&self) -> usize {
        self.sights.len()
    }

    /// Makes and runs a batch of plans on this many threads, at most `runs_max` of them. Returns the first of them that
    /// breaks a promise.
    ///
    /// # Panics
    /// Never: a run that panics breaks a promise.
    pub fn step<S>(&mut self, subject: &S, jobs: usize, runs_max: u64) -> Option<Found<C>>
    where
        S: Subject<Call = C> + Sync,
    {
        let count = usize::try_from(runs_max).unwrap_or(usize::MAX).min(BATCH);
        let plans: Vec<_> = (0..count).map(|number| self.make(subject, self.runs + number as u64)).collect();
        let shown = parallel::map(jobs, count, |index| {
            let (broken, sights) = judge_plan(subject, &plans[index], |run| sights::of(subject, run));
            Shown { broken, sights: sights.unwrap_or_default() }
        });
        for (plan, shown) in plans.into_iter().zip(shown) {
            self.runs += 1;
            if let Some(broken) = shown.broken {
                return Some(Found { plan, broken });
            }
            self.learn(plan, shown.sights);
        }
        None
    }

    /// Makes the plan of a run.
    fn make<S: Subject<Call = C>>(&self, subject: &S, number: u64) -> Plan<C> {
        if let Some(plan) = usize::try_from(number).ok().and_then(|number| self.corpus.get(number)) {
            return plan.clone();
        }
        let seed = Seed::from_u64(self.seed).derive("search", number);
        let mut rng = seed.rng(STREAM);
        // Each search has fresh seeds of its own.
        let fresh = plan_of(subject, rng.next_u64());
        if self.kept.is_empty() || below(&mut rng, 100) < FRESH_SHARE {
            return fresh;
        }
        let mut plan = self.kept[self.choose(&mut rng)].clone();
        let donor = match below(&mut rng, 2) {
            0 => fresh,
            _ => self.kept[self.choose(&mut rng)].clone(),
        };
        mutate(&mut plan, &donor, &mut rng);
        plan
    }

    /// Chooses a kept plan: one that shows what few runs have shown.
    fn choose(&self, rng: &mut SeedRng) -> usize {
        let sight = |rng: &mut SeedRng| {
            let from = rng.next_u64();
            let next = self.sights.range(from..).next().or_else(|| self.sights.first_key_value());
            next.map(|(_, sight)| (sight.runs, sight.plan)).expect("a kept plan has shown something")
        };
        let rarest = (0..CHOICES).map(|_| sight(rng)).min();
        rarest.map(|(_, plan)| plan).expect("there are choices")
    }

    fn learn(&mut self, plan: Plan<C>, sights: BTreeSet<u64>) {
        let (index, steps) = (self.kept.len(), plan.steps.len());
        let mut is_new = false;
        for sight in sights {
            let known = self.sights.entry(sight).or_insert_with(|| Sight { runs: 0, plan: usize::MAX });
            known.runs += 1;
            let is_smaller = self.kept.get(known.plan).is_none_or(|kept| steps < kept.steps.len());
            if is_smaller {
                known.plan = index;
                is_new = true;
            }
        }
        if is_new {
            self.kept.push(plan);
        }
    }
}

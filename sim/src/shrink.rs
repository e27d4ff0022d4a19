//! Shrinking: from a plan that breaks a promise to a small one that breaks the same one.
//!
//! Steps are dropped first, by halves and then one at a time (ddmin: Zeller and Hildebrandt, 2002), because walking
//! the whole value tree of a plan costs a run for each step. Then the times and numbers of each step walk proptest's
//! value trees of numbers, and its call becomes what the subject calls smaller; dials, options and hosts go. All of
//! that is repeated until nothing changes any more, so that a small plan shrinks to itself. A smaller plan has to break
//! the promise for the same cause, lest a rare one gives way to a common one. Only if nothing can go so, any breach of
//! the promise will do.

mod renamed;
mod times;

use proptest::num::u64::BinarySearch;
use proptest::strategy::ValueTree;

use crate::cause::cause_of;
use crate::host::Host;
use crate::plan::{Action, Plan, Step};
use crate::run::run;
use crate::subject::{Broken, Subject};
use times::{is_triggered, lasting_ms, set_number, set_times, tenths};

/// How many runs a plan is shrunk with if it is one of many. Chosen: plans of 10 to 30 steps have taken 20 to 130.
pub const SHRINK_RUNS_MAX: usize = 400;

/// The result of shrinking.
#[derive(Clone, Debug)]
pub struct Shrunk<C> {
    /// The plan.
    pub plan: Plan<C>,
    /// How it breaks the promise.
    pub broken: Broken,
    /// How the plan that it was shrunk from breaks the promise.
    pub first: Broken,
    /// How many runs it took.
    pub runs: usize,
}

/// Shrinks a plan that breaks a promise, within a number of runs. Returns `None` if the plan breaks none. `tick` is
/// called with the number of each run, and returns whether to go on: if not, the smallest plan so far is returned.
pub fn shrink<S: Subject>(
    subject: &S,
    plan: &Plan<S::Call>,
    runs_max: usize,
    mut tick: impl FnMut(usize) -> bool,
) -> Option<Shrunk<S::Call>> {
    let first = run(subject, plan).broken?;
    let best = Shrunk { plan: plan.clone(), broken: first.clone(), first, runs: 1 };
    let mut shrinking = Shrinking { subject, best, keeps_cause: true, runs_max, tick: &mut tick };
    shrinking.shrink();
    if parts(&shrinking.best.plan) == parts(plan) {
        shrinking.keeps_cause = false;
        shrinking.shrink();
    }
    Some(shrinking.best)
}

/// Returns the sentence of a promise that the plan broke first, if shrinking has come upon another cause.
#[must_use]
pub fn other_cause<'a>(first: &'a Broken, broken: &Broken) -> Option<&'a str> {
    let is_other = cause_of(&first.what) != cause_of(&broken.what);
    is_other.then(|| first.what.lines().next().unwrap_or_default())
}

/// Returns how many parts a plan has that can go.
fn parts<C>(plan: &Plan<C>) -> usize {
    plan.steps.len() + plan.dials.len() + plan.options.len() + plan.nodes
}

struct Shrinking<'a, S: Subject> {
    subject: &'a S,
    best: Shrunk<S::Call>,
    /// Whether a smaller plan has to break the promise for the same cause.
    keeps_cause: bool,
    runs_max: usize,
    tick: &'a mut dyn FnMut(usize) -> bool,
}

impl<S: Subject> Shrinking<'_, S> {
    /// Makes the plan smaller until nothing changes any more.
    fn shrink(&mut self) {
        self.drop_steps();
        loop {
            let before = self.best.plan.clone();
            self.order_steps();
            self.drop_parts();
            self.drop_hosts();
            self.come_closer();
            self.make_steps_smaller();
            self.move_calls();
            self.end_sooner();
            self.drop_steps();
            if self.best.plan == before || self.is_over() {
                return;
            }
        }
    }

    /// Whether a smaller plan breaks what is to stay broken.
    fn is_the_same(&self, broken: &Broken) -> bool {
        let is_cause = || other_cause(&self.best.first, broken).is_none();
        broken.oracle == self.best.broken.oracle && (!self.keeps_cause || is_cause())
    }

    /// Keeps a smaller plan if it breaks the same promise.
    fn try_plan(&mut self, plan: Plan<S::Call>) -> bool {
        if self.is_over() || plan == self.best.plan {
            return false;
        }
        self.best.runs += 1;
        if !(self.tick)(self.best.runs) {
            self.runs_max = self.best.runs;
        }
        match run(self.subject, &plan).broken {
            Some(broken) if self.is_the_same(&broken) => {
                self.best.plan = plan;
                self.best.broken = broken;
                true
            }
            _ => false,
        }
    }

    /// Drops ever smaller parts of the steps, until no single one can go.
    fn drop_steps(&mut self) {
        let mut part = self.best.plan.steps.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            let mut has_dropped = false;
            while start < self.best.plan.steps.len() {
                let mut plan = self.best.plan.clone();
                let end = (start + part).min(plan.steps.len());
                plan.steps.drain(start..end);
                if self.try_plan(plan) {
                    has_dropped = true;
                } else {
                    start += part;
                }
            }
            if part == 1 && !has_dropped {
                return;
            }
            if !has_dropped || part > self.best.plan.steps.len() {
                part = part.div_ceil(2).max(1);
            }
            if self.is_over() {
                return;
            }
        }
    }

    /// Whether no more runs are left.
    fn is_over(&self) -> bool {
        self.best.runs >= self.runs_max
    }

    /// Makes the waits between steps shorter. All later steps come sooner by as much, because some belong together.
    fn come_closer(&mut self) {
        for place in 0..self.best.plan.steps.len() {
            let steps = self.best.plan.steps.iter().enumerate();
            let mut timed: Vec<_> = steps.filter(|(_, step)| !is_triggered(step)).collect();
            timed.sort_by_key(|(_, step)| step.at_ms);
            let Some((_, next)) = timed.get(place) else { return };
            let wait = next.at_ms - place.checked_sub(1).map_or(0, |before| timed[before].1.at_ms);
            let later: Vec<_> = timed[place..].iter().map(|(index, step)| (*index, step.at_ms)).collect();
            self.walk(tenths(wait), |plan, tenths| {
                let by = wait.saturating_sub(tenths * 100);
                for (index, at_ms) in &later {
                    let step = &mut plan.steps[*index];
                    set_times(step, at_ms - by, lasting_ms(step));
                }
                true
            });
        }
    }

    fn make_steps_smaller(&mut self) {
        for index in 0..self.best.plan.steps.len() {
            if let Action::Call(host, call) = self.best.plan.steps[index].what.clone() {
                for smaller in self.subject.smaller(&call) {
                    let mut plan = self.best.plan.clone();
                    plan.steps[index].what = Action::Call(host, smaller);
                    self.try_plan(plan);
                }
            }
            let step = &self.best.plan.steps[index];
            let (at, lasting) = (tenths(step.at_ms), tenths(lasting_ms(step)));
            self.walk(lasting, |plan, lasting| {
                let step = &mut plan.steps[index];
                set_times(step, step.at_ms, lasting * 100);
                true
            });
            match &self.best.plan.steps[index].what {
                Action::Triggered(trigger, ..) => {
                    self.walk(trigger.number, |plan, number| set_number(&mut plan.steps[index], number));
                }
                Action::Call(..) | Action::Fault(..) => self.walk(at, |plan, at| {
                    let step = &mut plan.steps[index];
                    set_times(step, at * 100, lasting_ms(step));
                    true
                }),
            }
            for (word, number) in renamed::numbers(&self.best.plan.steps[index]) {
                self.walk(number, |plan, number| renamed::set_number(&mut plan.steps[index], word, number));
            }
        }
    }

    /// Walks the value tree of a number of the plan as far as the promise stays broken. `set` returns false if the plan
    /// cannot have a number.
    fn walk(&mut self, from: u64, set: impl Fn(&mut Plan<S::Call>, u64) -> bool) {
        let mut tree = BinarySearch::new(from);
        let mut is_first = true;
        loop {
            let mut plan = self.best.plan.clone();
            let is_broken = set(&mut plan, tree.current()) && self.try_plan(plan);
            // The first number is the plan's own, rounded up. Whether it breaks the promise or not, only numbers below
            // it are searched: above it the tree has nothing, and its sums overflow.
            let goes_on = if is_broken || is_first { tree.simplify() } else { tree.complicate() };
            is_first = false;
            if !goes_on || self.is_over() {
                return;
            }
        }
    }

    /// Drops the options and the dials that the broken promise does not need.
    fn drop_parts(&mut self) {
        let drop_option = |plan: &mut Plan<S::Call>, index: usize| _ = plan.options.remove(index);
        let drop_dial = |plan: &mut Plan<S::Call>, index: usize| _ = plan.dials.remove(index);
        self.drop_each(|plan| plan.options.len(), drop_option);
        self.drop_each(|plan| plan.dials.len(), drop_dial);
    }

    fn drop_each(&mut self, count: impl Fn(&Plan<S::Call>) -> usize, remove: impl Fn(&mut Plan<S::Call>, usize)) {
        let mut index = 0;
        while index < count(&self.best.plan) {
            let mut plan = self.best.plan.clone();
            remove(&mut plan, index);
            if !self.try_plan(plan) {
                index += 1;
            }
        }
    }

    /// Drops the hosts that no step needs. Those above get lower numbers, and with them other random choices: if the
    /// promise holds then, the host stays.
    fn drop_hosts(&mut self) {
        for host in (0..self.best.plan.nodes).rev() {
            let is_used = self.best.plan.steps.iter().any(|step| step.what.hosts().any(|used| used == host));
            if !is_used
                && self.best.plan.nodes > 1
                && let Some(plan) = renamed::without_host(&self.best.plan, host)
            {
                self.try_plan(plan);
            }
        }
    }

    /// Moves calls to a host that makes calls already, so that fewer have clients.
    fn move_calls(&mut self) {
        let of = |plan: &Plan<S::Call>, index: usize| match &plan.steps[index].what {
            Action::Call(host, call) => Some((*host, call.clone())),
            Action::Fault(..) | Action::Triggered(..) => None,
        };
        let mut seen: Vec<Host> = Vec::new();
        for index in 0..self.best.plan.steps.len() {
            let Some((host, call)) = of(&self.best.plan, index) else { continue };
            for other in seen.iter().copied().filter(|other| *other < host) {
                let mut plan = self.best.plan.clone();
                plan.steps[index].what = Action::Call(other, call.clone());
                if self.try_plan(plan) {
                    break;
                }
            }
            seen.extend(of(&self.best.plan, index).map(|(host, _)| host));
            seen.sort_unstable();
            seen.dedup();
        }
    }

    /// Has all faults end sooner. What ends before that still does, and what does not goes on to the end of the run.
    fn end_sooner(&mut self) {
        let lift = self.best.plan.lift_ms.div_ceil(1000);
        self.walk(lift, |plan, seconds| {
            let before = std::mem::replace(&mut plan.lift_ms, seconds * 1000);
            let end = |step: &Step<S::Call>| step.at_ms + lasting_ms(step);
            plan.steps.iter().all(|step| (end(step) <= plan.lift_ms) == (end(step) <= before))
        });
    }

    /// Writes the steps in the order of their times, as people read them.
    fn order_steps(&mut self) {
        let mut plan = self.best.plan.clone();
        plan.steps.sort_by_key(|step| step.at_ms);
        self.try_plan(plan);
    }
}

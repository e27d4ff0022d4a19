//! Shrinking: from a plan that breaks a promise to a small one that breaks the same one.
//!
//! Steps are dropped first, by halves and then one at a time (ddmin: Zeller and Hildebrandt, 2002), because walking
//! the whole value tree of a plan costs a run for each step. Then the times of each step walk proptest's value trees
//! of numbers, and its call becomes what the subject calls smaller.

use proptest::num::u64::BinarySearch;
use proptest::strategy::ValueTree;

use crate::plan::{Action, Plan, Step};
use crate::run::run;
use crate::subject::{Broken, Subject};

/// The result of shrinking.
#[derive(Clone, Debug)]
pub struct Shrunk<C> {
    /// The plan.
    pub plan: Plan<C>,
    /// How it breaks the promise.
    pub broken: Broken,
    /// How many runs it took.
    pub runs: usize,
}

/// Shrinks a plan that breaks a promise, within a number of runs. Returns `None` if the plan breaks none. `tick` is
/// called with the number of each run.
pub fn shrink<S: Subject>(
    subject: &S,
    plan: &Plan<S::Call>,
    runs_max: usize,
    mut tick: impl FnMut(usize),
) -> Option<Shrunk<S::Call>> {
    let broken = run(subject, plan).broken?;
    let mut shrinking =
        Shrinking { subject, best: Shrunk { plan: plan.clone(), broken, runs: 1 }, runs_max, tick: &mut tick };
    shrinking.drop_steps();
    shrinking.make_steps_smaller();
    shrinking.drop_steps();
    shrinking.drop_options();
    shrinking.drop_nodes();
    Some(shrinking.best)
}

struct Shrinking<'a, S: Subject> {
    subject: &'a S,
    best: Shrunk<S::Call>,
    runs_max: usize,
    tick: &'a mut dyn FnMut(usize),
}

impl<S: Subject> Shrinking<'_, S> {
    /// Keeps a smaller plan if it breaks the same promise.
    fn try_plan(&mut self, plan: Plan<S::Call>) -> bool {
        if self.best.runs >= self.runs_max || plan == self.best.plan {
            return false;
        }
        self.best.runs += 1;
        (self.tick)(self.best.runs);
        match run(self.subject, &plan).broken {
            Some(broken) if broken.oracle == self.best.broken.oracle => {
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
            if self.best.runs >= self.runs_max {
                return;
            }
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
            self.walk(index, BinarySearch::new(lasting), |step, lasting| set_times(step, step.at_ms, lasting * 100));
            if let Action::Triggered(trigger, ..) = &self.best.plan.steps[index].what {
                let number = BinarySearch::new(trigger.number);
                self.walk(index, number, set_number);
            } else {
                self.walk(index, BinarySearch::new(at), |step, at| set_times(step, at * 100, lasting_ms(step)));
            }
        }
    }

    /// Walks the value tree of a number of one step as far as the promise stays broken.
    fn walk(&mut self, index: usize, mut tree: BinarySearch, set: impl Fn(&mut Step<S::Call>, u64)) {
        let mut is_first = true;
        loop {
            let mut plan = self.best.plan.clone();
            set(&mut plan.steps[index], tree.current());
            // The first number is the step's own, rounded up. Whether it breaks the promise or not, only numbers
            // below it are searched: above it the tree has nothing, and its sums overflow.
            let goes_on = if self.try_plan(plan) || is_first { tree.simplify() } else { tree.complicate() };
            is_first = false;
            if !goes_on || self.best.runs >= self.runs_max {
                return;
            }
        }
    }

    /// Drops the options that the broken promise does not need.
    fn drop_options(&mut self) {
        let mut index = 0;
        while index < self.best.plan.options.len() {
            let mut plan = self.best.plan.clone();
            plan.options.remove(index);
            if !self.try_plan(plan) {
                index += 1;
            }
        }
    }

    /// Drops the last nodes that no step needs.
    fn drop_nodes(&mut self) {
        while self.best.plan.nodes > 2 {
            let last = self.best.plan.nodes - 1;
            if self.best.plan.steps.iter().any(|step| step.what.hosts().any(|host| host == last)) {
                return;
            }
            let mut plan = self.best.plan.clone();
            plan.nodes = last;
            plan.dials.retain(|(from, to)| *from != last && *to != last);
            plan.options.retain(|(host, _)| *host != last);
            if !self.try_plan(plan) {
                return;
            }
        }
    }
}

fn tenths(ms: u64) -> u64 {
    ms.div_ceil(100)
}

fn lasting_ms<C>(step: &Step<C>) -> u64 {
    match &step.what {
        Action::Fault(_, until) => until - step.at_ms,
        Action::Triggered(_, _, lasting_ms) => *lasting_ms,
        Action::Call(..) => 0,
    }
}

fn set_times<C>(step: &mut Step<C>, at_ms: u64, lasting_ms: u64) {
    step.at_ms = at_ms;
    match &mut step.what {
        Action::Fault(fault, until) => *until = if fault.lasts() { at_ms + lasting_ms } else { at_ms },
        Action::Triggered(_, _, lasting) => *lasting = lasting_ms,
        Action::Call(..) => {}
    }
}

/// Sets the number of a trigger; the first is 1.
fn set_number<C>(step: &mut Step<C>, number: u64) {
    if let Action::Triggered(trigger, ..) = &mut step.what {
        trigger.number = number.max(1);
    }
}

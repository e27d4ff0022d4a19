//! Changes of plans at random, for the search: steps are dropped, moved, repeated, and taken from a second plan.

use dacapo::seed::SeedRng;

use crate::draw::choice::{below, index_below, of_any_size};
use crate::fault::Fault;
use crate::plan::{Action, Deed, Plan, Step, Trigger};

/// The most changes at once.
const CHANGES_MAX: u32 = 4;

/// When all faults end that are to end later, in milliseconds, and the power of two below which a fault lasts. Chosen:
/// longer than any deadline of a node, and a run takes longer the later they end.
const LIFTS_MS: [u64; 2] = [20_000, 45_000];
const LASTING_POWERS: u32 = 15;

/// The longest plan, in steps. Chosen: half as many again as the longest plan of a seed, with a burst.
const STEPS_MAX: usize = 150;

/// Changes a plan. Steps come from a second one, as far as their hosts are in the first.
pub fn mutate<C: Clone>(plan: &mut Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) {
    for _ in 0..=below(rng, CHANGES_MAX) {
        change(plan, donor, rng);
    }
    plan.steps.sort_by_key(|step| step.at_ms);
    plan.steps.truncate(STEPS_MAX);
}

fn change<C: Clone>(plan: &mut Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) {
    match below(rng, 13) {
        0 => drop_some(plan, 1, rng),
        1 => drop_some(plan, plan.steps.len() / 4, rng),
        2 | 3 => take(plan, donor, rng),
        4 | 5 => take_near(plan, donor, rng),
        6 => repeat(plan, rng),
        7 => splice(plan, donor, rng),
        8 => plan.seed = donor.seed,
        9 => options(plan, donor),
        10 => last(plan, rng),
        11 => lift_later(plan, rng),
        _ => crash(plan, rng),
    }
}

fn drop_some<C>(plan: &mut Plan<C>, count: usize, rng: &mut SeedRng) {
    for _ in 0..count {
        if plan.steps.len() > 1 {
            plan.steps.remove(index_below(rng, plan.steps.len()));
        }
    }
}

/// Returns a step of the second plan whose hosts the first one has.
fn foreign<C: Clone>(plan: &Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) -> Option<Step<C>> {
    let steps: Vec<_> = donor.steps.iter().filter_map(|step| plan.translate(step, donor)).collect();
    if steps.is_empty() { None } else { Some(steps[index_below(rng, steps.len())].clone()) }
}

fn take<C: Clone>(plan: &mut Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) {
    plan.steps.extend(foreign(plan, donor, rng));
}

/// Takes a step, and has it happen close to another one.
fn take_near<C: Clone>(plan: &mut Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) {
    let Some(mut step) = foreign(plan, donor, rng) else { return };
    if let Some(other) = plan.steps.get(index_below(rng, plan.steps.len().max(1))) {
        let at_ms = (other.at_ms + u64::from(below(rng, 400))).saturating_sub(100);
        step.move_to(at_ms, plan.lift_ms);
    }
    plan.steps.push(step);
}

fn repeat<C: Clone>(plan: &mut Plan<C>, rng: &mut SeedRng) {
    if plan.steps.is_empty() {
        return;
    }
    let mut step = plan.steps[index_below(rng, plan.steps.len())].clone();
    step.move_to(step.at_ms + u64::from(below(rng, 2_000)), plan.lift_ms);
    plan.steps.push(step);
}

/// Goes on with the second plan from a moment on.
fn splice<C: Clone>(plan: &mut Plan<C>, donor: &Plan<C>, rng: &mut SeedRng) {
    let at_ms = u64::from(below(rng, u32::try_from(plan.lift_ms.max(1)).unwrap_or(u32::MAX)));
    *plan = plan.branch(donor, at_ms);
}

fn options<C>(plan: &mut Plan<C>, donor: &Plan<C>) {
    plan.options = donor.options.iter().filter(|(host, _)| *host < plan.nodes).cloned().collect();
}

/// Has the faults end later, so that others can last longer.
fn lift_later<C>(plan: &mut Plan<C>, rng: &mut SeedRng) {
    plan.lift_ms = plan.lift_ms.max(LIFTS_MS[index_below(rng, LIFTS_MS.len())]);
}

/// Makes a fault last another while.
fn last<C>(plan: &mut Plan<C>, rng: &mut SeedRng) {
    let lasting_ms = u64::from(of_any_size(rng, LASTING_POWERS));
    let lift_ms = plan.lift_ms;
    let faults = plan.steps.iter_mut().filter(|step| step.what.fault().is_some_and(Fault::lasts));
    let mut faults: Vec<_> = faults.collect();
    let count = faults.len();
    if let Some(step) = faults.get_mut(index_below(rng, count.max(1))) {
        match &mut step.what {
            Action::Fault(_, until) => *until = (step.at_ms + lasting_ms).min(lift_ms).max(step.at_ms),
            Action::Triggered(.., lasting) => *lasting = lasting_ms,
            Action::Call(..) => {}
        }
    }
}

/// Ends a host in the middle of a call on its disk.
fn crash<C>(plan: &mut Plan<C>, rng: &mut SeedRng) {
    let host = index_below(rng, plan.nodes);
    let number = 1 + u64::from(of_any_size(rng, 10));
    let trigger = Trigger { host, deed: Deed::Change, number };
    let fault = if below(rng, 3) == 0 { Fault::Kill(host) } else { Fault::PowerLoss(host) };
    plan.steps.push(Step { at_ms: 0, what: Action::Triggered(trigger, fault, u64::from(below(rng, 2_000))) });
}

impl<C> Step<C> {
    /// Moves a step that has a time to another one before the lift, and its end with it.
    fn move_to(&mut self, at_ms: u64, lift_ms: u64) {
        let at_ms = at_ms.min(lift_ms.saturating_sub(1));
        match &mut self.what {
            Action::Triggered(..) => return,
            Action::Fault(_, until) => *until = (at_ms + (*until - self.at_ms)).min(lift_ms),
            Action::Call(..) => {}
        }
        self.at_ms = at_ms;
    }
}

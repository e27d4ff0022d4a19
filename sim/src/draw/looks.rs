//! The calls of a seed that follow damage: what rots between two calls is found only if a call looks at it before
//! something else does.

use std::fmt::Debug;

use dacapo::seed::SeedRng;
use proptest::collection::vec;
use proptest::prelude::*;

use super::choice::below;
use crate::host::Host;
use crate::plan::{Action, Step};
use crate::subject::Subject;

/// The share of seeds that have such calls, in percent.
const SHARE: u32 = 50;

/// After how many damages they come at most.
const COUNT_MAX: usize = 8;

/// How long after the damage they come at most, in milliseconds.
const WITHIN_MS: u64 = 500;

/// Calls that come so many milliseconds after damage, and whether they come as long before it, too: a program may
/// remember what was good then.
pub(super) type Look<O> = (u64, bool, Host, Vec<O>);

/// Returns the looks of a seed, one for each time that a file is damaged.
pub(super) fn strategy<S: Subject>(
    rng: &mut SeedRng,
    callers: usize,
    subject: &S,
) -> BoxedStrategy<Vec<Look<S::Call>>> {
    match subject.looks().filter(|_| below(rng, 100) < SHARE) {
        Some(look) => vec((1..WITHIN_MS, any::<bool>(), 0..callers, look), 1..=COUNT_MAX).boxed(),
        None => Just(Vec::new()).boxed(),
    }
}

/// Returns the steps of these looks.
pub(super) fn steps<O: Clone + Debug>(faults: &[Step<O>], looks: Vec<Look<O>>, lift_ms: u64) -> Vec<Step<O>> {
    let is_damage = |step: &&Step<O>| matches!(&step.what, Action::Fault(fault, _) if fault.is_damage());
    let damage = faults.iter().filter(is_damage).map(|step| step.at_ms);
    let looks = damage.zip(looks).flat_map(|(damaged, (distance, is_twice, host, calls))| {
        let before = is_twice.then(|| damaged.saturating_sub(distance));
        let times = before.into_iter().chain([(damaged + distance).min(lift_ms - 1)]);
        let at = move |at_ms| calls.clone().into_iter().map(move |call| Step { at_ms, what: Action::Call(host, call) });
        times.flat_map(at)
    });
    looks.collect()
}

//! When the steps of a plan happen, how long they last, and what they wait for.

use crate::plan::{Action, Step};

pub(super) fn is_triggered<C>(step: &Step<C>) -> bool {
    matches!(step.what, Action::Triggered(..))
}

pub(super) fn tenths(ms: u64) -> u64 {
    ms.div_ceil(100)
}

pub(super) fn lasting_ms<C>(step: &Step<C>) -> u64 {
    match &step.what {
        Action::Fault(_, until) => until - step.at_ms,
        Action::Triggered(_, _, lasting_ms) => *lasting_ms,
        Action::Call(..) => 0,
    }
}

pub(super) fn set_times<C>(step: &mut Step<C>, at_ms: u64, lasting_ms: u64) {
    step.at_ms = at_ms;
    match &mut step.what {
        Action::Fault(fault, until) => *until = if fault.lasts() { at_ms + lasting_ms } else { at_ms },
        Action::Triggered(_, _, lasting) => *lasting = lasting_ms,
        Action::Call(..) => {}
    }
}

/// Sets the number of a trigger; the first is 1. Returns false if it cannot be this one.
pub(super) fn set_number<C>(step: &mut Step<C>, number: u64) -> bool {
    if let Action::Triggered(trigger, ..) = &mut step.what {
        trigger.number = number;
    }
    number > 0
}

//! The faults of a seed that wait for a trigger.

use dacapo::seed::{Rng, SeedRng};

use super::choice::{FAULT_MS_MAX, below, index_below, of_any_size};
use crate::disk::CallKind;
use crate::fault::Fault;
use crate::fault::family::{Draw, Family};
use crate::plan::{Action, Deed, Step, Trigger};
use crate::subject::Subject;

/// The share of seeds that have such faults, in percent.
const SHARE: u32 = 20;

/// The most of them in one plan.
const COUNT_MAX: u32 = 3;

/// The powers of two below which numbers are drawn: small and large ones equally often. Chosen by how many calls,
/// pieces and events a host has before the lift. Renames are few, and each is a step between two states of a file.
const CALLS_POWERS: u32 = 10;
const RENAMES_POWERS: u32 = 5;
const SENT_POWERS: u32 = 9;
const EVENT_POWERS: u32 = 3;

/// Of the faults at a call on a disk, the share that ends the host in the middle of the call, in percent.
const DEATHS_SHARE: u32 = 60;

/// Of the other faults at a call of one kind, the share that lets the calls of that kind fail, in percent.
const ERRORS_SHARE: u32 = 60;

pub(super) fn steps<S: Subject>(rng: &mut SeedRng, nodes: usize, callers: usize, subject: &S) -> Vec<Step<S::Call>> {
    if below(rng, 100) >= SHARE {
        return Vec::new();
    }
    let count = 1 + below(rng, COUNT_MAX);
    let mut step = || {
        let trigger = trigger(rng, nodes, callers, subject.events());
        let fault = fault(rng, &trigger, nodes, callers, subject);
        let lasting_ms = u64::from(below(rng, FAULT_MS_MAX));
        let lasting_ms = if fault.lasts() { lasting_ms } else { 0 };
        Step { at_ms: 0, what: Action::Triggered(trigger, fault, lasting_ms) }
    };
    (0..count).map(|_| step()).collect()
}

fn trigger(rng: &mut SeedRng, nodes: usize, callers: usize, events: &[&str]) -> Trigger {
    // The hosts that are called are hit twice as often.
    let host = index_below(rng, nodes + callers) % nodes;
    let (deed, powers) = match below(rng, 8) {
        0 | 1 => (Deed::Change, CALLS_POWERS),
        2 | 3 => (Deed::Call(CallKind::ALL[index_below(rng, CallKind::ALL.len())]), CALLS_POWERS),
        4 => (Deed::Call(CallKind::Rename), RENAMES_POWERS),
        5 if !events.is_empty() => (Deed::Event(events[index_below(rng, events.len())].to_owned()), EVENT_POWERS),
        _ => (Deed::Sent, SENT_POWERS),
    };
    let number = 1 + u64::from(of_any_size(rng, powers));
    Trigger { host, deed, number }
}

fn fault<S: Subject>(rng: &mut SeedRng, trigger: &Trigger, nodes: usize, callers: usize, subject: &S) -> Fault {
    let one = trigger.host;
    if matches!(trigger.deed, Deed::Change | Deed::Call(_)) && below(rng, 100) < DEATHS_SHARE {
        return if below(rng, 3) == 0 { Fault::Kill(one) } else { Fault::PowerLoss(one) };
    }
    if let Deed::Call(kind) = trigger.deed
        && below(rng, 100) < ERRORS_SHARE
    {
        let fault = if below(rng, 3) == 0 { Fault::LateErrors } else { Fault::DiskErrors };
        return fault(one, kind, 1000);
    }
    // A lie of a subject that knows none is no fault, and a disk goes back only if the subject allows it.
    let is_meant = |family: &Family| match family {
        Family::Lie => !subject.lies().is_empty(),
        family => !family.goes_back() || subject.may_restore(),
    };
    let families: Vec<_> = Family::ALL.into_iter().chain(Family::ALONE).filter(is_meant).collect();
    let family = families[index_below(rng, families.len())];
    let other = (one + 1 + index_below(rng, nodes - 1)) % nodes;
    // Only hosts that are not called lie, if there are any, whoever has the trigger.
    let one = match family {
        Family::Lie if nodes > callers => callers + one % (nodes - callers),
        _ => one,
    };
    family.fault(Draw { one, other, number: rng.next_u32(), lies: subject.lies() })
}

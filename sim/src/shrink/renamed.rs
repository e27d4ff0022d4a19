//! Other numbers and other hosts in what a plan says. A plan is changed by the words of its text: each kind of fault
//! and of call has other numbers and hosts, and its text is the one place where all of them stand.

use std::fmt;
use std::str::FromStr;

use crate::fault::Fault;
use crate::host::{Host, name, named};
use crate::plan::{Action, Plan, Step};

/// Returns the numbers of a fault, such as delays and what its choices are drawn from, each with its place among the
/// words.
pub(super) fn numbers<C>(step: &Step<C>) -> Vec<(usize, u64)> {
    let text = step.what.fault().map(ToString::to_string).unwrap_or_default();
    text.split(' ').enumerate().filter_map(|(place, word)| Some((place, word.parse().ok()?))).collect()
}

/// Sets a number of a fault. Returns false if the fault cannot have it.
pub(super) fn set_number<C>(step: &mut Step<C>, place: usize, number: u64) -> bool {
    let (Action::Fault(fault, _) | Action::Triggered(_, fault, _)) = &mut step.what else { return false };
    let text = fault.to_string();
    let words = text.split(' ').enumerate();
    let words: Vec<_> =
        words.map(|(index, word)| if index == place { number.to_string() } else { word.to_owned() }).collect();
    match words.join(" ").parse::<Fault>() {
        Ok(other) => {
            *fault = other;
            true
        }
        Err(_) => false,
    }
}

/// Returns the plan without a host that no step uses. Each host above gets the number below its own. `None` if that is
/// no plan.
pub(super) fn without_host<C>(plan: &Plan<C>, host: Host) -> Option<Plan<C>>
where
    C: Clone + fmt::Display + FromStr<Err: fmt::Display>,
{
    let mut plan = plan.clone();
    plan.nodes -= 1;
    plan.dials.retain(|(from, to)| *from != host && *to != host);
    plan.options.retain(|(of, _)| *of != host);
    let renamed = |word: &str| match named(word) {
        Some(other) if other > host => name(other - 1),
        _ => word.to_owned(),
    };
    let lines = plan.to_string();
    let lines = lines.lines().map(|line| line.split(' ').map(renamed).collect::<Vec<_>>().join(" ") + "\n");
    lines.collect::<String>().parse().ok()
}

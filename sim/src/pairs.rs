//! Which kinds of calls have met which faults. A call meets a fault that is in force while the call is under way, or
//! that ended less than a second before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};
use std::time::Duration;

use crate::fault::Fault;
use crate::trace::{Fact, Trace};

/// How long a fault is felt after its end.
const AFTERMATH: Duration = Duration::from_secs(1);

/// The widest table, in columns of a terminal.
const WIDTH: usize = 118;

/// How often each kind of calls has met each fault: their first words, and a number.
pub type Pairs = BTreeMap<(String, String), u64>;

/// Counts the calls of a run that have met each fault.
#[must_use]
pub fn pairs<E: Display>(trace: &Trace<E>) -> Pairs {
    let mut calls: BTreeMap<usize, &str> = BTreeMap::new();
    let mut faults: Vec<(&Fault, Option<Duration>)> = Vec::new();
    let mut met = BTreeSet::new();
    for line in trace.story() {
        match &line.what {
            Fact::FaultBegins(fault) => {
                faults.push((fault, (!fault.lasts()).then_some(line.at)));
                met.extend(calls.iter().map(|(number, verb)| (*number, *verb, word_of(fault))));
            }
            Fact::FaultEnds(fault) => {
                if let Some((_, ended)) = faults.iter_mut().find(|(found, ended)| *found == fault && ended.is_none()) {
                    *ended = Some(line.at);
                }
            }
            Fact::Called { number, call, .. } => {
                let verb = word(call);
                calls.insert(*number, verb);
                let in_force = faults.iter().filter(|(_, ended)| ended.is_none_or(|ended| line.at < ended + AFTERMATH));
                met.extend(in_force.map(|(fault, _)| (*number, verb, word_of(fault))));
            }
            Fact::Answered { number, .. } => _ = calls.remove(number),
            Fact::Event(_) | Fact::Sent { .. } | Fact::Message { .. } | Fact::Note(_) => {}
        }
    }
    let mut pairs = Pairs::new();
    for (_, verb, fault) in met {
        *pairs.entry((verb.to_owned(), fault)).or_default() += 1;
    }
    pairs
}

/// Returns the name of a pair, such as "put with cut".
#[must_use]
pub fn name(verb: &str, fault: &str) -> String {
    format!("{verb} with {fault}")
}

/// Shows how often each pair happened, by its name: a row for each fault, and a column for each kind of calls.
#[must_use]
pub fn table(pairs: &BTreeMap<String, u64>, verbs: &[&str], faults: &[&str]) -> String {
    let mut text = String::new();
    let width = |verb: &str| verb.len().max(6) + 1;
    let first = faults.iter().map(|fault| fault.len()).max().unwrap_or(0);
    let mut left = verbs;
    while !left.is_empty() {
        let mut room = WIDTH.saturating_sub(first);
        let fits = |verb: &&&str| room.checked_sub(width(verb)).map(|less| room = less).is_some();
        let (block, rest) = left.split_at(left.iter().take_while(fits).count().max(1));
        let mut line = |first_cell: &str, cells: &mut dyn Iterator<Item = String>| {
            write!(text, "{first_cell:first$}").expect("writing to a String cannot fail");
            for (verb, cell) in block.iter().zip(cells) {
                write!(text, "{cell:>width$}", width = width(verb)).expect("writing to a String cannot fail");
            }
            text.push('\n');
        };
        line("", &mut block.iter().map(ToString::to_string));
        for fault in faults {
            let count = |verb: &&str| pairs.get(&name(verb, fault)).copied().unwrap_or(0);
            line(fault, &mut block.iter().map(|verb| count(verb).to_string()));
        }
        left = rest;
        if !left.is_empty() {
            text.push('\n');
        }
    }
    text
}

fn word_of(fault: &Fault) -> String {
    word(&fault.to_string()).to_owned()
}

fn word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

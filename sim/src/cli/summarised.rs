//! What a sweep has seen, as tables: a part of it, or several that were joined.

use std::process::ExitCode;

use super::output::{note, outln};
use super::progress;
use crate::fault::Fault;
use crate::pairs;
use crate::subject::Subject;
use crate::summary::{Group, SweepSummary};

/// In a sweep of this many runs every state that is counted is reached, and each kind of calls meets each fault.
/// Chosen: the rarest of them happen about once in 1,000 runs.
const ALL_REACHED_AFTER: u64 = 10_000;

pub(super) fn show(summary: &SweepSummary) {
    let SweepSummary { runs, twice, wall_seconds, cpu_seconds, faults, reached, broken, .. } = summary;
    let (of_runs, of_time) = summary.rates();
    outln!("{runs} runs, {twice} of them twice, {} broke a promise", broken.len());
    outln!(
        "{wall_seconds:.1} s, {cpu_seconds:.1} CPU-s: {of_runs:.0} runs and {of_time:.0} virtual seconds a CPU-second"
    );
    let width = faults.keys().chain(reached.keys()).map(String::len).max().unwrap_or_default();
    for (title, counts) in [("FAULT", faults), ("REACHED", reached)] {
        outln!("\n{title:<width$}  {:>10}", "TIMES");
        counts.iter().for_each(|(name, count)| outln!("{name:<width$}  {count:>10}"));
    }
}

/// Shows the broken promises by cause.
pub(super) fn show_groups(groups: &[Group]) {
    outln!("\n{:<12}  {:>7}  {:>20}  {:>5}  CAUSE", "ORACLE", "SEEDS", "FIRST", "STEPS");
    for Group { oracle, cause, seeds, first, steps, .. } in groups {
        let steps = steps.map_or("-".to_owned(), |steps| steps.to_string());
        outln!("{oracle:<12}  {seeds:>7}  {first:>20}  {steps:>5}  {cause}");
    }
}

/// Returns how a sweep ends that has seen this: well, unless a promise was broken, or it was long and blind.
pub(super) fn code_of<S: Subject>(program: &str, subject: &S, summary: &SweepSummary) -> ExitCode {
    if !summary.broken.is_empty() || is_blind(program, subject, summary) { ExitCode::FAILURE } else { progress::well() }
}

/// Whether a long sweep never reached a state that it is there to reach, or a kind of calls never met a fault.
fn is_blind<S: Subject>(program: &str, subject: &S, summary: &SweepSummary) -> bool {
    let mut missed = Vec::new();
    if summary.runs >= ALL_REACHED_AFTER {
        let states = summary.reached.iter().filter(|(_, count)| **count == 0);
        missed.extend(states.map(|(state, _)| state.clone()));
        missed.extend(never_met(subject, summary));
    }
    if !missed.is_empty() {
        note!("{program}: {} runs have never reached: {}", summary.runs, missed.join(", "));
    }
    !missed.is_empty()
}

/// Returns the kinds of calls that never met a fault, with the fault. If not one file was damaged, the subject lets
/// none be, and nothing has to meet damage.
fn never_met<S: Subject>(subject: &S, summary: &SweepSummary) -> Vec<String> {
    let is_damage = |fault: &str| Fault::DAMAGE_WORDS.contains(&fault);
    let is_any_damaged = summary.faults.keys().any(|found| is_damage(found));
    let mut faults = faults_of(subject);
    faults.retain(|fault| is_any_damaged || !is_damage(fault));
    let pairs = subject.verbs().into_iter().flat_map(|verb| faults.iter().map(move |fault| pairs::name(verb, fault)));
    pairs.filter(|pair| !summary.pairs.contains_key(pair)).collect()
}

/// Returns the first words of the faults that happen to a subject.
pub(super) fn faults_of<S: Subject>(subject: &S) -> Vec<&'static str> {
    let happens = |fault: &&str| match *fault {
        "lie" => !subject.lies().is_empty(),
        "restore" => subject.may_restore(),
        _ => true,
    };
    Fault::WORDS.into_iter().filter(happens).collect()
}

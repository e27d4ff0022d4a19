//! The command `sweep`: the plans of many seeds, and what the runs have seen.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::time::ClockId;

use super::arguments::{parse_range, parse_shard};
use super::found::rerun;
use super::output::outln;
use super::progress::{self, Effort, now};
use crate::fault::Fault;
use crate::pairs;
use crate::report::report_for;
use crate::subject::Subject;
use crate::sweep::{Sweep, Totals, plan_of, sweep};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..1000")]
    seeds: Range<u64>,
    /// Run only part I of N of the seeds, counted from 0.
    #[arg(long, value_name = "I/N", value_parser = parse_shard, default_value = "0/1")]
    shard: (u64, u64),
    #[command(flatten)]
    effort: Effort,
    /// Also show how often each kind of calls has met each fault.
    #[arg(long)]
    pairs: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// In a sweep of this many runs every state that is counted is reached, and each kind of calls meets each fault.
/// Chosen: the rarest of them happen about once in 1,000 runs.
const ALL_REACHED_AFTER: u64 = 10_000;

pub(super) fn execute<S: Subject + Sync>(
    program: &str,
    subject: &S,
    arguments: &Arguments,
) -> Result<ExitCode, String> {
    let plan = Sweep { seeds: arguments.seeds.clone(), jobs: arguments.effort.jobs(), shard: arguments.shard };
    if plan.is_empty() {
        let ((index, of), Range { start, end }) = (arguments.shard, &arguments.seeds);
        return Err(format!("no seed of {start}..{end} is in part {index} of {of}"));
    }
    let (progress, cpu) = (arguments.effort.begin(plan.len(), "seeds"), now(ClockId::ProcessCPUTime));
    let totals = sweep(subject, &plan, |totals| progress.goes_on(totals.runs));
    progress.clear();
    let times = Times { wall: progress.taken(), cpu: now(ClockId::ProcessCPUTime) - cpu };
    if arguments.json {
        outln!("{}", json(&totals, &times));
    } else {
        show(&totals, &times);
        if arguments.pairs {
            outln!("\n{}", pairs::table(&totals.pairs, &subject.verbs(), &faults_of(subject)));
        }
    }
    let Some((seed, broken)) = totals.broken.iter().next() else {
        return Ok(if is_blind(program, subject, &totals) { ExitCode::FAILURE } else { progress::well() });
    };
    if !arguments.json {
        let run = rerun(subject, &plan_of(subject, *seed), broken);
        outln!("\n{}", report_for(program, &run, Some(&seed.to_string())));
    }
    Ok(ExitCode::FAILURE)
}

/// Whether a long sweep never reached a state that it is there to reach, or a kind of calls never met a fault.
fn is_blind<S: Subject>(program: &str, subject: &S, totals: &Totals) -> bool {
    let mut missed = Vec::new();
    if totals.runs >= ALL_REACHED_AFTER {
        let states = totals.reached.iter().filter(|(_, count)| **count == 0);
        missed.extend(states.map(|(state, _)| (*state).to_owned()));
        missed.extend(never_met(subject, totals));
    }
    if !missed.is_empty() {
        eprintln!("{program}: {} runs have never reached: {}", totals.runs, missed.join(", "));
    }
    !missed.is_empty()
}

/// Returns the kinds of calls that never met a fault, with the fault. If not one file was damaged, the subject lets
/// none be, and nothing has to meet damage.
fn never_met<S: Subject>(subject: &S, totals: &Totals) -> Vec<String> {
    let is_damage = |fault: &str| Fault::DAMAGE_WORDS.contains(&fault);
    let is_any_damaged = totals.faults.keys().any(|found| is_damage(found));
    let mut faults = faults_of(subject);
    faults.retain(|fault| is_any_damaged || !is_damage(fault));
    let mut missed = Vec::new();
    for verb in subject.verbs() {
        let unmet = faults.iter().filter(|fault| !totals.pairs.contains_key(&(verb.to_owned(), (**fault).to_owned())));
        missed.extend(unmet.map(|fault| format!("{verb} with {fault}")));
    }
    missed
}

/// Returns the first words of the faults that happen to a subject.
fn faults_of<S: Subject>(subject: &S) -> Vec<&'static str> {
    let happens = |fault: &&str| match *fault {
        "lie" => !subject.lies().is_empty(),
        "restore" => subject.may_restore(),
        _ => true,
    };
    Fault::WORDS.into_iter().filter(happens).collect()
}

struct Times {
    wall: Duration,
    cpu: Duration,
}

fn show(totals: &Totals, times: &Times) {
    let Totals { runs, twice, virtual_time, faults, reached, broken, .. } = totals;
    let cpu = times.cpu.as_secs_f64();
    outln!("{runs} runs, {twice} of them twice, {} broke a promise", broken.len());
    outln!(
        "{:.1} s, {:.1} CPU-s: {:.0} runs and {:.0} virtual seconds a CPU-second\n",
        times.wall.as_secs_f64(),
        cpu,
        f64::from(u32::try_from(*runs).unwrap_or(u32::MAX)) / cpu,
        virtual_time.as_secs_f64() / cpu,
    );
    outln!("{:<24}  {:>10}", "FAULT", "TIMES");
    faults.iter().for_each(|(fault, count)| outln!("{fault:<24}  {count:>10}"));
    outln!("\n{:<24}  {:>10}", "REACHED", "TIMES");
    reached.iter().for_each(|(state, count)| outln!("{state:<24}  {count:>10}"));
}

fn json(totals: &Totals, times: &Times) -> serde_json::Value {
    let broken = totals
        .broken
        .iter()
        .map(|(seed, broken)| serde_json::json!({"seed": seed, "oracle": broken.oracle, "what": broken.what}));
    serde_json::json!({
        "runs": totals.runs,
        "twice": totals.twice,
        "virtual_seconds": totals.virtual_time.as_secs_f64(),
        "wall_seconds": times.wall.as_secs_f64(),
        "cpu_seconds": times.cpu.as_secs_f64(),
        "faults": totals.faults,
        "reached": totals.reached,
        "pairs": totals.pairs.iter().map(|((call, fault), count)| (format!("{call} with {fault}"), *count))
            .collect::<BTreeMap<_, _>>(),
        "broken": broken.collect::<Vec<_>>(),
    })
}

//! Faults that wait for a call, a piece or an event, and crashes in the middle of every call of a plan.

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo_sim::crash::{Crash, Crashes};
use dacapo_sim::disk::{CallKind, SimDisk};
use dacapo_sim::plan::Plan;
use dacapo_sim::report::report;
use dacapo_sim::run::run;
use dacapo_sim::shrink::shrink;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::subject::Run;
use dacapo_sim::trace::Fact;

use crate::support::promises::assert_kept;

/// One node alone, and two versions of a file: nobody can bring back what it loses.
const ALONE: &str = "seed 1\nnodes 1\nat 0.4 n0 store 0 22\nat 0.8 n0 store 0 500\nlift 3\n";

const PAIR: &str = "seed 1\nnodes 2\ndial n0 n1\nat 0.4 n0 store 0 22\nat 0.8 n0 erase 0\nlift 3\n";

fn run_with(line: &str) -> Run<Files> {
    let plan: Plan<Call> = format!("{PAIR}{line}\n").parse().unwrap_or_else(|error| panic!("{line}: {error}"));
    let run = run(&Files::default(), &plan);
    assert_kept(&run, None);
    run
}

/// Returns the trace as lines, up to the fault.
fn before_the_fault(run: &Run<Files>) -> Vec<(&str, &Fact<dacapo::event::Event>)> {
    let lines = run.trace.lines().iter();
    let before = lines.take_while(|line| !matches!(line.what, Fact::FaultBegins(_)));
    before.map(|line| (&*line.host, &line.what)).collect()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_call_at_which_a_host_dies_has_no_effect_and_none_comes_after_it() {
    let disk = SimDisk::new();
    disk.die_at(Some(CallKind::Sync), 2);
    let life = disk.boot();
    let file = life.create(&DiskPath::root().join("file").expect("a path")).expect("created");
    file.write_at(0, b"one").and_then(|()| file.sync()).expect("the first sync works");
    file.write_at(0, b"two").expect("written");
    let died = life.run(move || (file.sync().is_err(), file.write_at(0, b"six").is_err(), file.len().is_err()));
    let seen = tokio::time::timeout(std::time::Duration::from_secs(3600), died).await;
    assert!(seen.is_err(), "the program learnt of its end: {seen:?}");
    assert_eq!(disk.read("file").as_deref(), Some(&b"two"[..]), "nothing was written after the end");
    assert_eq!(disk.calls(Some(CallKind::Sync)), 2);
    assert!(disk.boot().list(&DiskPath::root()).is_ok(), "the next life of the host has the disk");
}

#[test]
fn a_fault_waits_for_the_piece_on_the_wire() {
    let run = run_with("at n0 sent 5 reset n0 n1");
    let is_sent = |(host, what): &&(&str, &Fact<_>)| *host == "n0" && matches!(what, Fact::Sent { .. });
    let sent = before_the_fault(&run).iter().filter(is_sent).count();
    assert!((5..8).contains(&sent), "the fault came after {sent} pieces");
    assert_eq!(run.faults["reset"], 1);
}

#[test]
fn a_fault_waits_for_the_event_and_lasts_as_long_as_it_says() {
    let run = run_with("at n0 event \"acknowledged\" 1 for 0.400 cut n0 n1");
    let before = before_the_fault(&run);
    let (_, last) = before.iter().rfind(|(host, _)| *host == "n0").expect("n0 did something");
    assert!(matches!(last, Fact::Event(event) if event.to_string().contains("acknowledged")), "{last:?}");
    let at = |is: fn(&Fact<_>) -> bool| run.trace.lines().iter().find(|line| is(&line.what)).expect("it is there").at;
    let begun = at(|what| matches!(what, Fact::FaultBegins(_)));
    let lasted = at(|what| matches!(what, Fact::FaultEnds(_))) - begun;
    assert_eq!(lasted.as_millis(), 400);
}

#[test]
fn a_trigger_that_does_not_happen_before_the_lift_does_nothing() {
    let calls = run_with("").changes[0];
    let last = run_with(&format!("at n0 change {calls} for 0.5 power-loss n0"));
    assert_eq!(last.faults.get("power-loss"), Some(&1));
    let later = run_with(&format!("at n0 change {} for 0.5 power-loss n0", calls + 1));
    assert_eq!(later.faults.get("power-loss"), None);
    assert_eq!(later.changes[0], calls);
}

#[test]
fn shrinking_makes_the_number_of_a_trigger_smaller() {
    let subject = Files { bug: Some(Bug::NoCatalog) };
    let kill = "at n0 event \"written\" 3 for 0.5 kill n0";
    let plan: Plan<Call> = format!("{ALONE}at 1 n0 store 2 500\n{kill}").parse().expect("a plan");
    let shrunk = shrink(&subject, &plan, 200, |_| true).expect("a lost catalog is noticed");
    let text = shrunk.plan.to_string();
    assert!(text.contains("at n0 event \"written\" 1 for"), "{text}");
}

fn crashes_of(subject: &Files, text: &str) -> (u64, Option<String>) {
    let plan: Plan<Call> = text.parse().expect("a plan");
    let crash = Crash { loses_power: true, lasting_ms: 300 };
    let crashes = Crashes::of(subject, &plan, crash).expect("the plan alone breaks nothing");
    let totals = crashes.run(subject, 1, |totals| totals.broken.is_empty());
    let first = totals.broken.keys().next();
    (totals.runs, first.map(|index| report(&run(subject, &crashes.plan(*index)), None)))
}

#[test]
fn no_crash_in_the_middle_of_any_call_loses_what_was_acknowledged() {
    let (runs, broken) = crashes_of(&Files::default(), PAIR);
    assert!(broken.is_none(), "{}", broken.unwrap_or_default());
    assert!(runs > 100, "only {runs} calls");
}

#[test]
fn crashes_in_the_middle_of_every_call_find_a_start_that_drops_what_a_commit_names() {
    let (_, broken) = crashes_of(&Files { bug: Some(Bug::NoTemporaries) }, ALONE);
    assert!(broken.expect("one of the crashes loses the file").starts_with("BROKEN  faithful"));
}

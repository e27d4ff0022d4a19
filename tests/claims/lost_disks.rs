//! Disks that are gone or have lied: the node with the same identity on an empty disk, and syncs that did nothing.

use dacapo::event::Event;
use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::history::Outcome;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::subject::Run;
use dacapo_sim::trace::Fact;

use crate::support::promises::assert_kept;

/// Runs a plan in which the first of some nodes dials all others.
fn run_of(seed: u64, nodes: usize, steps: &str) -> Run<Files> {
    let dials: String = (1..nodes).map(|to| format!("dial n0 n{to}\n")).collect();
    let text = format!("seed {seed}\nnodes {nodes}\n{dials}{steps}");
    let plan: Plan<Call> = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let run = run(&Files::default(), &plan);
    assert_kept(&run, None);
    run
}

/// Returns the outcomes of the gets that the plan has.
fn gets(run: &Run<Files>) -> Vec<Option<Outcome>> {
    let calls = run.plan.calls().len();
    let of_plan = run.clients.history().into_iter().filter(|entry| entry.number < calls);
    of_plan.filter(|entry| matches!(entry.call, Call::Get { .. })).map(|entry| entry.outcome().cloned()).collect()
}

/// Whether the clients or a node have noted something that ends or begins like this.
fn has_noted(run: &Run<Files>, words: &str) -> bool {
    run.trace.lines().iter().any(|line| matches!(&line.what, Fact::Note(note) if note.contains(words)))
}

#[test]
fn what_peers_hold_comes_back_to_an_identity_on_an_empty_disk_whether_it_learns_first_or_not() {
    for (seed, learns_first) in [(1, true), (2, false), (u64::MAX, true)] {
        let run = run_of(
            seed,
            3,
            "at 0.5 n0 store 0 100
            at 0.5 n0 store 1 90000
            at 0.6 n1 store 0 100
            at 1.5 n0 erase 1
            at 2 n0 recover
            at 8 n0 get 0
            at 8 n0 get 1
            at 8.1 n0 store 2 100
            lift 9",
        );
        assert!(has_noted(&run, "n0 has an empty disk, and its identity"));
        assert_eq!(has_noted(&run, "learnt and fetched 1 of 1 files from the peers"), learns_first, "seed {seed}");
        let got = gets(&run);
        assert!(matches!(got[..], [Some(Outcome::Got(_)), Some(Outcome::NotFound)]), "seed {seed}: {got:?}");
    }
}

#[test]
fn a_node_with_another_identity_than_before_does_not_pass_for_one_that_was_recovered() {
    let plan = "seed 1\nnodes 2\ndial n0 n1\nat 0.5 n0 store 0 100\nat 2 n0 recover\nlift 8\n";
    let plan: Plan<Call> = plan.parse().expect("a plan");
    let run = run(&Files { bug: Some(Bug::OtherIdentity) }, &plan);
    let broken = run.broken.expect("the file of the node before is not there");
    assert_eq!((broken.oracle, &*broken.what), ("available", "file 0 of n0 must be there: not found"));
}

#[test]
fn syncs_that_lie_cost_nothing_that_a_peer_has() {
    let mut took_something = false;
    for seed in 1..=8 {
        let run = run_of(
            seed,
            3,
            "at 0.5 n0 store 0 100
            at 1 to 4 lying-sync n0
            at 1.5 n0 store 1 90000
            at 1.5 n0 store 2 100
            at 2.5 to 3 power-loss n0
            at 7.9 n0 get 0
            at 7.9 n0 get 1
            at 7.9 n0 get 2
            lift 8",
        );
        let got = gets(&run);
        assert!(got.iter().all(|outcome| matches!(outcome, Some(Outcome::Got(_)))), "seed {seed}: {got:?}");
        let is_back = |what: &Fact<_>| matches!(what, Fact::Event(Event::FileLearnt { .. }));
        took_something |= run.trace.lines().iter().any(|line| is_back(&line.what));
    }
    assert!(took_something, "no power loss took anything");
}

#[test]
fn an_option_that_a_restart_changes_is_in_force_after_the_faults() {
    let run = run_of(
        1,
        4,
        "at 0.5 n0 store 0 100
        at 1.5 n0 restart-as replicas-1
        at 3 n0 store 1 100
        at 12 n0 store 2 100
        lift 14",
    );
    let replicas = run.clients.history().into_iter().filter_map(|entry| match entry.outcome() {
        Some(Outcome::Stored { holders, .. }) => Some(holders.len()),
        _ => None,
    });
    let replicas: Vec<_> = replicas.take(3).collect();
    assert_eq!((replicas[0], replicas[2]), (3, 1), "{replicas:?}");
}

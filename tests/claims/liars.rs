//! Peers that lie, one way at a time, in a cluster that goes on: whatever a liar answers, a get gives what was stored,
//! and the honest peers serve on.

use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::store::Bug;
use dacapo_sim::store::Files;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::history::Outcome;
use dacapo_sim::store::liar::Lie;

/// Returns a plan with an honest peer and a liar, a small and a large file from before the lie, and a version from
/// within it.
fn plan(lie: &str, until: u32) -> Plan<Call> {
    let text = format!(
        "seed 1
        nodes 3
        dial n0 n1
        dial n0 n2
        at 0.3 n0 store 0 100
        at 0.4 n0 store 1 90000
        at 1 to {until} lie n1 {lie}
        at 2 n0 store 0 200
        at 3 n0 delete 0
        at 3.1 n0 get 0
        at 3.1 n0 delete 1
        at 3.2 n0 get 1
        lift 6"
    );
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn whatever_a_peer_lies_about_the_others_serve_on() {
    for lie in Lie::NAMES {
        let run = run(&Files::default(), &plan(lie, 5));
        assert_eq!(run.broken, None, "{lie}");
        assert_eq!(run.liars, [1].into(), "{lie}");
        let got = run.clients.history().into_iter().take(7).filter(|entry| matches!(entry.call, Call::Get { .. }));
        let got: Vec<_> = got.map(|entry| entry.outcome().cloned()).collect();
        assert!(got.iter().all(|outcome| matches!(outcome, Some(Outcome::Got(_)))), "{lie}: {got:?}");
    }
}

#[test]
fn a_peer_that_lies_for_good_keeps_nobody_else_from_coming_right() {
    for lie in Lie::NAMES {
        let plan = plan(lie, 300);
        assert_eq!(plan.lost_for_good(), [1].into());
        let run = run(&Files::default(), &plan);
        assert_eq!(run.broken, None, "{lie}");
    }
}

#[test]
fn an_answer_that_nobody_should_get_breaks_a_promise() {
    for (bug, lie, oracle) in [
        (Bug::SecretLeaked, Lie::Stranger, "closed"),
        (Bug::KeysStolen, Lie::Trespasses, "closed"),
        (Bug::InventorySigned, Lie::FalseInventory, "faithful"),
    ] {
        let broken = run(&Files { bug: Some(bug) }, &plan(lie.name(), 5)).broken;
        assert_eq!(broken.map(|broken| broken.oracle), Some(oracle), "{}", bug.name());
    }
}

#[test]
fn a_lie_that_the_subject_does_not_know_is_named() {
    let error = plan("sideways", 5).check_words(&[], Lie::NAMES).expect_err("no such lie");
    let error = error.to_string();
    assert!(error.starts_with("\"sideways\" is no lie: known are other-bytes, "), "{error}");
}

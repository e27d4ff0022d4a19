//! The harness serves other subjects than the file store: it passes a replicated register, and catches it with a bug.

#[expect(dead_code, reason = "the example has a main function of its own")]
#[path = "../sim/examples/register.rs"]
mod register;

use dacapo_sim::run::run;
use dacapo_sim::shrink::shrink;
use dacapo_sim::sweep::plan_of;
use register::{Register, swept};

#[test]
fn a_register_that_asks_majorities_is_linearizable_and_replays() {
    let summary = swept(false, 100);
    assert_eq!(summary.broken, [].into());
    assert_eq!((summary.runs, summary.twice), (100, 2));
    assert!(summary.faults.len() >= 10, "the register saw {:?}", summary.faults);
    assert!(summary.reached["call failed"] > 0);
}

#[test]
fn a_register_that_reads_one_replica_is_caught_and_shrinks_to_a_plan_that_breaks_it_again() {
    let subject = Register { reads_one_replica: true };
    let caught = swept(true, 200).broken;
    let (seed, broken) = caught.first_key_value().expect("one of 200 seeds catches it");
    assert_eq!(broken.oracle, "linearizable");
    let plan = plan_of(&subject, *seed);
    let shrunk = shrink(&subject, &plan, 300, |_| ()).expect("the plan of the seed breaks it");
    assert!(shrunk.plan.steps.len() < plan.steps.len());
    let read_back = shrunk.plan.to_string().parse().expect("what is written is a plan");
    assert_eq!(run(&subject, &read_back).broken, Some(shrunk.broken));
    assert_eq!(run(&Register { reads_one_replica: false }, &read_back).broken, None, "only the bug breaks it");
}

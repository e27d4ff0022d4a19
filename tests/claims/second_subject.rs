//! The harness serves other subjects than the file store: it finds nothing in a replicated register, and catches the
//! same register with a bug.

#[expect(dead_code, reason = "the example has a main function of its own")]
#[path = "../../sim/examples/register.rs"]
mod register;

use dacapo_sim::check::check;
use dacapo_sim::run::run;
use register::Register;

#[test]
fn a_register_that_heeds_a_majority_never_falls_and_replays() {
    let checked = check(&Register { trusts_the_first: false }, 0..200);
    assert!(checked.found.is_none(), "{checked}");
    let totals = checked.totals;
    assert_eq!((totals.runs, totals.twice), (200, 4));
    assert!(totals.faults.len() >= 10, "the register saw {:?}", totals.faults);
}

#[test]
fn a_register_that_trusts_the_first_answer_is_caught_and_shrinks_to_a_plan_that_breaks_it_again() {
    let checked = check(&Register { trusts_the_first: true }, 0..300);
    let found = checked.found.as_ref().expect("one of 300 seeds catches it");
    assert_eq!(found.broken.oracle, "rising");
    let (shrunk, report) = found.smaller.as_ref().expect("the plan of the seed breaks it");
    assert!(shrunk.plan.steps.len() < found.plan.steps.len());
    assert!(checked.to_string().ends_with(report), "the report is part of what is printed");
    let read_back = shrunk.plan.to_string().parse().expect("what is written is a plan");
    assert_eq!(run(&Register { trusts_the_first: true }, &read_back).broken.as_ref(), Some(&shrunk.broken));
    assert_eq!(run(&Register { trusts_the_first: false }, &read_back).broken, None, "only the bug breaks it");
}

//! What shrinking makes of one plan that breaks a promise, step by step.

use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::shrink::shrink;
use dacapo_sim::store::Bug;
use dacapo_sim::store::Files;
use dacapo_sim::store::call::Call;

const PLAN: &str = "
seed 1
nodes 3
dial n0 n1
dial n0 n2
at 1.000 n0 store 0 1000
at 2.000 n0 get 0
at 2.050 to 2.550 stall n0 n2
at 3.000 n0 store 0 1000
at 4.000 n0 list
at 4.300 n0 get 0
lift 5.000
";

fn planted(bug: Bug, plan: &str) -> (Files, Plan<Call>) {
    (Files { bug: Some(bug) }, plan.parse().expect("it is a plan"))
}

#[test]
fn a_plan_shrinks_to_one_that_breaks_the_same_promise_and_has_no_later_step() {
    let (subject, plan) = planted(Bug::CachedRead, PLAN);
    let shrunk = shrink(&subject, &plan, 200, |_| true).expect("a cached read is noticed");
    assert_eq!(shrunk.broken.oracle, "durable");
    assert_eq!(run(&subject, &shrunk.plan).broken, Some(shrunk.broken));
    assert_eq!((shrunk.plan.nodes, shrunk.plan.dials.len()), (1, 0), "{}", shrunk.plan);
    let latest = |plan: &Plan<Call>| plan.steps.iter().map(|step| step.at_ms).max();
    assert!(latest(&shrunk.plan) <= latest(&plan), "{}", shrunk.plan);
    assert_eq!(shrunk.plan.steps.len(), 4, "two stores and two gets are left of\n{}", shrunk.plan);
}

/// Steps in no order, a host in the middle that nobody needs, and numbers that do not matter.
const WITH_MORE: &str = "
seed 1
nodes 4
dial n0 n1
dial n0 n3
dial n2 n3
option n2 packed
at 3.000 n3 get 0
at 1.000 n3 store 0 1000
at 1.900 zero n2 812738123
at 2.000 n3 get 0
at 2.200 n0 store 1 50
at 2.500 n3 store 0 2000
lift 11.000
";

#[test]
fn what_a_promise_does_not_need_goes_and_a_small_plan_shrinks_to_itself() {
    let (subject, plan) = planted(Bug::CachedRead, WITH_MORE);
    let shrunk = shrink(&subject, &plan, 400, |_| true).expect("a cached read is noticed");
    let text = shrunk.plan.to_string();
    assert!(text.starts_with("seed 1\nnodes 1\nat ") && text.ends_with("lift 1.000\n"), "{text}");
    let times: Vec<_> = shrunk.plan.steps.iter().map(|step| step.at_ms).collect();
    assert!(times.is_sorted(), "{text}");
    let again = shrink(&subject, &shrunk.plan, 400, |_| true).expect("it still breaks");
    assert_eq!(again.plan.to_string(), text);
}

#[test]
fn shrinking_makes_the_numbers_of_a_fault_smaller() {
    let steps = "at 0.500 to 3.500 disk-errors n0 write 1000\nat 1 n0 store 0 1000\nat 3.8 n0 get 0";
    let (subject, plan) = planted(Bug::WriteErrorHidden, &format!("seed 1\nnodes 1\n{steps}\nlift 4\n"));
    let shrunk = shrink(&subject, &plan, 200, |_| true).expect("lost bytes are noticed");
    let text = shrunk.plan.to_string();
    let errors = text.split_once("write ").and_then(|(_, rest)| rest.lines().next()?.parse::<u64>().ok());
    assert!(errors.is_some_and(|errors| errors < 1000), "{text}");
}

#[test]
fn shrinking_ends_when_it_is_told_to_with_the_smallest_plan_so_far() {
    let (subject, plan) = planted(Bug::CachedRead, PLAN);
    let shrunk = shrink(&subject, &plan, 200, |runs| runs < 4).expect("a cached read is noticed");
    assert_eq!(shrunk.runs, 4);
    assert_eq!(run(&subject, &shrunk.plan).broken, Some(shrunk.broken));
}

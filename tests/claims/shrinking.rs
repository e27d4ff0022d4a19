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

#[test]
fn a_plan_shrinks_to_one_that_breaks_the_same_promise_and_has_no_later_step() {
    let subject = Files { bug: Some(Bug::CachedRead) };
    let plan: Plan<Call> = PLAN.parse().expect("it is a plan");
    let shrunk = shrink(&subject, &plan, 200, |_| ()).expect("a cached read is noticed");
    assert_eq!(shrunk.broken.oracle, "durable");
    assert_eq!(run(&subject, &shrunk.plan).broken, Some(shrunk.broken));
    assert_eq!(shrunk.plan.nodes, 2);
    let latest = |plan: &Plan<Call>| plan.steps.iter().map(|step| step.at_ms).max();
    assert!(latest(&shrunk.plan) <= latest(&plan), "{}", shrunk.plan);
    assert_eq!(shrunk.plan.steps.len(), 4, "two stores and two gets are left of\n{}", shrunk.plan);
}

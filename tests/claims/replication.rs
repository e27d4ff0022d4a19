//! Any calls at any times on a small cluster. proptest shrinks a failure, which is printed as a plan, and keeps its
//! seed.

use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo_sim::plan::{Action, Plan, Step};
use dacapo_sim::report::report;
use dacapo_sim::run::run;
use dacapo_sim::store::Files;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::call::draw::strategy;
use proptest::prelude::*;

/// Generates plans of calls at any times on a star, without faults.
fn any_plan() -> impl Strategy<Value = Plan<Call>> {
    any::<u16>().prop_flat_map(|seed| {
        let calls = strategy(&mut Seed::from_u64(seed.into()).rng(Lane::Backoff), 3);
        let step = (0..4000_u64, 0..3_usize, calls)
            .prop_map(|(at_ms, host, call)| Step { at_ms, what: Action::Call(host, call) });
        prop::collection::vec(step, 1..30).prop_map(move |steps| Plan {
            seed: seed.into(),
            nodes: 3,
            dials: vec![(0, 1), (0, 2)],
            options: Vec::new(),
            steps,
            lift_ms: 4000,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn calls_alone_break_no_promise(plan in any_plan()) {
        let run = run(&Files::default(), &plan);
        prop_assert!(
            run.broken.is_none(),
            "\n{}\nthe plan, for a file in sim/plans:\n{plan}",
            report(&run, Some("FILE.plan")),
        );
    }
}

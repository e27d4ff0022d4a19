//! The search for plans that break a promise.

use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::search::Search;
use dacapo_sim::search::mutate::mutate;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::sweep::{Sweep, plan_of, sweep};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_plan_is_a_plan(seed in any::<u64>()) {
        let subject = Files::default();
        let (mut plan, donor) = (plan_of(&subject, seed), plan_of(&subject, seed.wrapping_add(1)));
        let mut rng = Seed::from_u64(seed).rng(Lane::Backoff);
        for _ in 0..20 {
            mutate(&mut plan, &donor, &mut rng);
        }
        prop_assert_eq!(plan.to_string().parse::<Plan<Call>>(), Ok(plan));
    }
}

#[test]
fn a_search_keeps_the_same_plans_on_one_thread_and_on_two() {
    let kept = |jobs| {
        let mut search = Search::new(7, Vec::new());
        while search.runs() < 48 {
            let found = search.step(&Files::default(), jobs, 48 - search.runs());
            assert!(found.is_none(), "{found:?}");
        }
        (search.sights(), search.kept().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (sights, plans) = kept(1);
    assert!(plans.len() > 10 && sights > 100, "{} plans, {sights} sights", plans.len());
    assert_eq!((sights, plans), kept(2));
}

#[test]
fn what_a_search_finds_breaks_the_promise_again() {
    let subject = Files { bug: Some(Bug::RemoveForgotten) };
    let mut search = Search::new(1, Vec::new());
    let found = loop {
        assert!(search.runs() < 200, "it is not caught");
        if let Some(found) = search.step(&subject, 1, 16) {
            break found;
        }
    };
    assert_eq!(run(&subject, &found.plan).broken, Some(found.broken));
    assert_eq!(run(&Files::default(), &found.plan).broken, None, "only the bug breaks it");
}

#[test]
fn a_search_runs_the_plans_that_it_is_given_first_and_keeps_them_to_be_changed() {
    let subject = Files { bug: Some(Bug::MembersSyncLies) };
    let seed = *sweep(&subject, &Sweep::all(0..500, 1), |_| true).broken.keys().next().expect("it is caught");
    let quiet: Plan<Call> = "seed 1\nnodes 2\ndial n0 n1\nat 0.500 n0 store 0 32\nlift 1.000".parse().expect("a plan");
    let corpus = vec![quiet.clone(), plan_of(&subject, seed)];
    let mut search = Search::new(1, corpus.clone());
    let found = search.step(&subject, 1, 16).expect("it is caught");
    assert_eq!((search.runs(), &found.plan), (2, &corpus[1]));
    let mut search = Search::new(1, vec![quiet.clone()]);
    assert!(search.step(&Files::default(), 1, 16).is_none());
    assert_eq!(search.kept().first(), Some(&quiet));
}

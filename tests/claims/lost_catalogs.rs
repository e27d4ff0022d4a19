//! The catalog of a node is damaged while the node runs: the node makes another one, and what its peers acknowledged
//! comes back. The harness excuses what only that catalog knew, and nothing else.

use dacapo::event::Event;
use dacapo_sim::plan::Plan;
use dacapo_sim::report::report;
use dacapo_sim::run::run;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::history::Outcome;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::subject::{Run, Subject};
use dacapo_sim::trace::Fact;

use crate::support::promises::assert_kept;

/// The damage may hit nothing but the catalog: small files lie in it, and the node holds no replica.
fn plan(damage: &str) -> Plan<Call> {
    let plan = format!(
        "seed 1\nnodes 2\ndial n0 n1\noption n0 packed\nat 0.4 n0 store 0 500\nat 2 {damage}\nat 2.5 n0 restart\n\
         at 6 n0 get 0\nlift 8\n"
    );
    plan.parse().unwrap_or_else(|error| panic!("{damage}: {error}"))
}

fn tells(run: &Run<Files>, is: impl Fn(&Event) -> bool) -> bool {
    run.trace.lines().iter().any(|line| matches!(&line.what, Fact::Event(event) if is(event)))
}

#[test]
fn what_a_peer_acknowledged_comes_back_whatever_has_become_of_the_catalog() {
    for damage in ["lose n0 1", "truncate n0 1", "truncate n0 2", "zero n0 1", "zero n0 3", "rot n0 1", "rot n0 2"] {
        let run = run(&Files::default(), &plan(damage));
        assert_kept(&run, None);
        let got = run.clients.history().into_iter().find(|entry| entry.number == 2).expect("the plan gets the file");
        assert!(matches!(got.outcome(), Some(Outcome::Got(_))), "{damage}: {:?}", got.outcome());
    }
}

#[test]
fn a_lost_catalog_is_made_anew_and_a_cut_one_is_set_aside() {
    let lost = run(&Files::default(), &plan("lose n0 1"));
    assert!(tells(&lost, |event| matches!(event, Event::FileLearnt { .. })), "{}", report(&lost, None));
    let cut = run(&Files::default(), &plan("truncate n0 2"));
    assert!(tells(&cut, |event| matches!(event, Event::CatalogDamaged { .. })), "{}", report(&cut, None));
}

#[test]
fn a_lost_catalog_excuses_no_peer() {
    let bug = Files::default().plant(Bug::ReplicaReadShort.name());
    let run = run(&bug, &plan("lose n0 1"));
    let broken = run.broken.as_ref().expect("the file is neither here nor at the peer");
    assert_eq!(broken.oracle, "available", "{}", report(&run, None));
}

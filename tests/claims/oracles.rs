//! What oracles see that no read of a client shows: what a power loss would take back, and what a version had that is
//! gone.

use std::time::Duration;

use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::subject::{Broken, Run};

fn run_with(bug: Bug, steps: &str) -> Run<Files> {
    let text = format!("seed 1\nnodes 2\ndial n0 n1\n{steps}\nlift 8\n");
    let plan: Plan<Call> = text.parse().unwrap_or_else(|error| panic!("{error}"));
    run(&Files { bug: Some(bug) }, &plan)
}

/// Returns the broken promise of a run that ended before the faults did.
fn broken_before_the_lift(bug: Bug, steps: &str) -> Broken {
    let run = run_with(bug, steps);
    assert!(run.elapsed < Duration::from_secs(8), "{} was noticed too late: {:?}", bug.name(), run.broken);
    run.broken.unwrap_or_else(|| panic!("{} was not noticed", bug.name()))
}

#[test]
fn an_acknowledgement_that_a_power_loss_would_take_back_breaks_durable_without_a_power_loss() {
    let store = "at 1 n0 store 0 100";
    for (bug, steps, what) in [
        (Bug::SyncLies, store, "after a power loss now, n0 does not know its file"),
        (Bug::DirSyncLies, store, "after a power loss now, n0"),
        (Bug::BlobSyncLies, store, "after a power loss now, n0"),
        (Bug::RemovalSyncLies, "at 1 n0 store 0 100\nat 2 n0 delete 0", "n0 has the bytes of its file still"),
        (Bug::ReplicaRemoveForgotten, "at 1 n0 store 0 100\nat 2 n0 erase 0", "n1 has the bytes of the replica still"),
        (Bug::MembersSyncLies, "at 1 n0 forget n1", "a power loss now brings the members before it back"),
    ] {
        let broken = broken_before_the_lift(bug, steps);
        assert_eq!(broken.oracle, "durable", "{}: {broken}", bug.name());
        assert!(broken.what.contains(what), "{}: {broken}", bug.name());
    }
}

#[test]
fn an_iv_of_a_version_that_is_gone_is_remembered() {
    let broken =
        broken_before_the_lift(Bug::SameSeedEachStart, "at 1 n0 store 0 100\nat 2 n0 restart\nat 4 n0 store 0 100");
    assert_eq!(broken.oracle, "secret", "{broken}");
    assert!(broken.what.contains("has the IV that"), "{broken}");
}

#[test]
fn what_nobody_has_stored_is_known_to_nobody() {
    for (bug, call) in [(Bug::ListInvents, "list"), (Bug::StatInvents, "stat 0")] {
        let broken = broken_before_the_lift(bug, &format!("at 1 n0 store 0 100\nat 3 n0 {call}"));
        assert_eq!(broken.oracle, "durable", "{broken}");
        assert!(broken.what.contains("nobody has stored"), "{broken}");
    }
}

#[test]
fn what_a_host_leaves_is_not_excused_by_the_disk_of_another() {
    let leaves = "at 2 n0 store-short 0 1000000";
    let broken = |errors: &str| run_with(Bug::DiscardForgotten, &format!("{errors}{leaves}")).broken;
    let found = broken("at 0.5 to 1 disk-errors n1 read 1000\n").expect("n0 has a file that it has not removed");
    assert!(found.oracle == "bounded" && found.what.contains("n0 has left tmp/"), "{found}");
    let of_n0 = broken("at 0.5 to 1 disk-errors n0 read 1000\n").filter(|found| found.what.contains("n0 has left"));
    assert_eq!(of_n0, None, "its own disk may have failed to remove it");
}

//! What oracles see that no read of a client shows: what a power loss would take back, and what a version had that is
//! gone.

use std::time::Duration;

use dacapo::event::Event;
use dacapo_sim::plan::Plan;
use dacapo_sim::run::run;
use dacapo_sim::store::call::Call;
use dacapo_sim::store::{Bug, Files};
use dacapo_sim::subject::{Broken, Run};
use dacapo_sim::trace::Fact;

/// Two hosts, and three.
const PAIR: &str = "nodes 2\ndial n0 n1";
const STAR: &str = "nodes 3\ndial n0 n1\ndial n0 n2";

fn run_with(bug: Bug, steps: &str) -> Run<Files> {
    run_among(PAIR, Some(bug), steps)
}

fn run_among(nodes: &str, bug: Option<Bug>, steps: &str) -> Run<Files> {
    let plan: Plan<Call> =
        format!("seed 1\n{nodes}\n{steps}\nlift 8\n").parse().unwrap_or_else(|error| panic!("{error}"));
    run(&Files { bug }, &plan)
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

#[test]
fn a_host_that_is_lost_for_good_explains_what_is_on_its_own_disk_alone() {
    for lost in ["kill n1", "lie n1 mute"] {
        let steps = format!("at 0.1 to 208 {lost}\nat 2 n0 store-short 0 1000000");
        let broken = run_with(Bug::DiscardForgottenAmidLoss, &steps).broken.expect("n0 has left a file");
        assert!(broken.oracle == "bounded" && broken.what.contains("n0 has left tmp/"), "{lost}: {broken}");
        assert_eq!(run_among(PAIR, None, &steps).broken, None, "{lost}");
    }
}

#[test]
fn a_delete_that_asks_for_two_peers_finds_two_or_deletes_nothing() {
    let steps = "at 0.1 to 7 kill n2\nat 1 n0 store 0 100\nat 3 n0 delete-held 0 2";
    for (bug, oracle, what) in [
        (Bug::OneHolderEnough, "faithful", "1 peers have a good replica"),
        (Bug::RefusalIgnored, "available", "refused to delete the local copy, which is gone"),
    ] {
        let broken = run_among(STAR, Some(bug), steps).broken.expect("noticed");
        assert!(broken.oracle == oracle && broken.what.contains(what), "{}: {broken}", bug.name());
    }
    assert_eq!(run_among(STAR, None, steps).broken, None);
}

#[test]
fn a_quota_that_a_restart_has_set_is_in_force() {
    let steps = "at 1 n1 restart-as quota\nat 3 n0 store 0 150000\nat 4 n0 store 1 150000\nat 7.5 n1 status";
    let broken = run_with(Bug::LaterQuotaIgnored, steps).broken.expect("noticed");
    assert!(broken.oracle == "bounded" && broken.what.contains("above its quota"), "{broken}");
    let earlier = "at 1 n0 store 0 150000\nat 2 n0 store 1 150000\nat 4 n1 restart-as quota\nat 7 n1 status";
    assert_eq!(run_among(PAIR, None, earlier).broken, None, "what was taken before stays");
}

#[test]
fn what_a_node_says_of_a_file_is_what_its_store_gave() {
    for (bug, call) in [
        (Bug::StatMistellsSize, "stat 0"),
        (Bug::StatMistellsTime, "stat 0"),
        (Bug::StatLosesAttributes, "stat 0"),
        (Bug::ListMistellsSizes, "list"),
    ] {
        let broken = broken_before_the_lift(bug, &format!("at 1 n0 store 0 100\nat 3 n0 {call}"));
        assert!(broken.oracle == "faithful" && broken.what.contains("says that"), "{}: {broken}", bug.name());
    }
    let broken = run_with(Bug::StatFailsInTheEnd, "at 1 n0 store 0 100").broken.expect("noticed");
    assert!(broken.oracle == "live" && broken.what.contains("does not say what it knows"), "{broken}");
}

#[test]
fn what_a_node_says_of_its_disk_is_so() {
    for (bug, steps) in [
        (Bug::GoodDiskCalledBad, "at 1 n0 status"),
        (Bug::FullDiskCalledGood, "at 0.5 to 6 full-disk n0\nat 2 n0 status"),
    ] {
        let broken = broken_before_the_lift(bug, steps);
        assert!(broken.oracle == "live" && broken.what.contains("its disk"), "{}: {broken}", bug.name());
    }
}

#[test]
fn a_node_says_of_itself_over_http_what_it_says_otherwise() {
    let steps = "option n0 http\nat 2 n0 status\nat 2.5 n0 store 0 100";
    for (bug, what) in [
        (Bug::ServedStatusWrong, "and the node says"),
        (Bug::ServedPeerHidden, "and the node says"),
        (Bug::EventsUntold, "was shown no event"),
    ] {
        let broken = broken_before_the_lift(bug, steps);
        assert!(broken.oracle == "faithful" && broken.what.contains(what), "{}: {broken}", bug.name());
    }
    assert_eq!(run_among(PAIR, None, steps).broken, None);
}

#[test]
fn a_node_scrubs_by_itself_in_a_simulation() {
    let scrubs = |steps: &str| {
        let run = run_among(PAIR, None, steps);
        assert_eq!(run.broken, None);
        let is_scrub = |what: &Fact<Event>| matches!(what, Fact::Event(Event::Scrubbed { .. }));
        run.trace.lines().iter().filter(|line| line.at < Duration::from_secs(8) && is_scrub(&line.what)).count()
    };
    assert!(scrubs("option n0 upkeep\nat 1 n0 store 0 100") > 1, "it goes on");
    assert_eq!(scrubs("at 1 n0 store 0 100"), 0);
}

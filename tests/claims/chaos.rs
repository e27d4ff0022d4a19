//! Whole clusters under faults, from seeds. `DACAPO_SEEDS=A..B` chooses the seeds, `DACAPO_SEED=N` a single one.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use dacapo_sim::plan::Plan;
use dacapo_sim::report::report;
use dacapo_sim::run::run;
use dacapo_sim::shrink::shrink;
use dacapo_sim::store::Bug;
use dacapo_sim::store::Files;
use dacapo_sim::store::call::Call;
use dacapo_sim::sweep::plan_of;

use crate::support::promises::assert_kept;
use crate::support::snapshots::assert_snapshot;

/// Each planted bug, a seed that catches it, and the oracle that does. `cargo sim planted` searches for such seeds.
const CAUGHT: &[(Bug, u64, &str)] = &[
    (Bug::SyncLies, 0, "durable"),
    (Bug::CatalogSyncLies, 0, "durable"),
    (Bug::BlobSyncLies, 0, "durable"),
    (Bug::DirSyncLies, 0, "durable"),
    (Bug::ThirdSyncLies, 2, "durable"),
    (Bug::RemovalSyncLies, 0, "durable"),
    (Bug::MembersSyncLies, 4, "durable"),
    (Bug::SyncErrorHidden, 58, "durable"),
    (Bug::ReadErrorHidden, 191, "faithful"),
    (Bug::WriteErrorHidden, 11, "faithful"),
    (Bug::RenameErrorHidden, 452, "secret"),
    (Bug::ReplicaErrorHidden, 165, "faithful"),
    (Bug::FailedRenameLoses, 452, "faithful"),
    (Bug::AckBeforeWrite, 0, "durable"),
    (Bug::CatalogWriteAfterSync, 0, "durable"),
    (Bug::LostWrite, 1, "convergent"),
    (Bug::MisplacedWrite, 20, "durable"),
    (Bug::OwnBitFlips, 0, "durable"),
    (Bug::ReplicaBitFlips, 0, "live"),
    (Bug::ShorterInPlace, 0, "durable"),
    (Bug::ReplicaVanishes, 0, "live"),
    (Bug::ReplicaReadOnce, 0, "convergent"),
    (Bug::ReplicaReadsCached, 217, "convergent"),
    (Bug::RemoveForgotten, 0, "durable"),
    (Bug::DiscardForgotten, 3, "bounded"),
    (Bug::DiscardForgottenAmidLoss, 36, "bounded"),
    (Bug::ConvertLosesFile, 43, "convergent"),
    (Bug::RemoveTakesNeighbour, 2, "durable"),
    (Bug::StaleReplica, 3, "secret"),
    (Bug::ReplicaUnderOtherName, 0, "live"),
    (Bug::OtherReplicaOpened, 0, "live"),
    (Bug::ReplicaReadShort, 2, "faithful"),
    (Bug::OldCatalog, 19, "durable"),
    (Bug::NoCatalog, 0, "durable"),
    (Bug::NoMembers, 40, "durable"),
    (Bug::NoTemporaries, 334, "convergent"),
    (Bug::OtherIdentity, 1, "live"),
    (Bug::ContentLogged, 0, "secret"),
    (Bug::SameSeedEachStart, 1, "secret"),
    (Bug::SameSeedEverywhere, 0, "live"),
    (Bug::UnconfirmedAcked, 4, "durable"),
    (Bug::UnconfirmedErased, 4, "available"),
    (Bug::ErasedKept, 2, "available"),
    (Bug::StoredRejected, 0, "atomic"),
    (Bug::ReceiptInvented, 1, "durable"),
    (Bug::ReceiptMissing, 1, "available"),
    (Bug::CachedRead, 15, "durable"),
    (Bug::OtherFileRead, 2, "faithful"),
    (Bug::DeleteErrorHidden, 52, "faithful"),
    (Bug::PanicSwallowed, 0, "live"),
    (Bug::DeleteUnchecked, 64, "faithful"),
    (Bug::DeleteRefuses, 2, "available"),
    (Bug::OneHolderEnough, 64, "faithful"),
    (Bug::RefusalIgnored, 64, "available"),
    (Bug::StoreUnheld, 29, "durable"),
    (Bug::PageLost, 123, "durable"),
    (Bug::StatusMisses, 37, "durable"),
    (Bug::GoodDiskCalledBad, 9, "live"),
    (Bug::FullDiskCalledGood, 2903, "live"),
    (Bug::ForgottenHidden, 123, "durable"),
    (Bug::ForgetForgotten, 16, "durable"),
    (Bug::AllowForgotten, 4, "durable"),
    (Bug::HoldersInvented, 3, "faithful"),
    (Bug::HolderHidden, 2, "available"),
    (Bug::ThereCalledDeleted, 0, "durable"),
    (Bug::StatFails, 51, "available"),
    (Bug::OtherVersionErased, 497, "durable"),
    (Bug::ListShortened, 14, "durable"),
    (Bug::ListMistellsSizes, 14, "faithful"),
    (Bug::ListInvents, 4, "durable"),
    (Bug::StatInvents, 0, "durable"),
    (Bug::StatMistellsSize, 0, "faithful"),
    (Bug::StatMistellsTime, 0, "faithful"),
    (Bug::StatLosesAttributes, 0, "faithful"),
    (Bug::StatFailsInTheEnd, 0, "live"),
    (Bug::StatCached, 397, "durable"),
    (Bug::ShortStored, 0, "atomic"),
    (Bug::SlowStoreDropped, 3, "durable"),
    (Bug::LeftCallGoesOn, 5, "bounded"),
    (Bug::ScrubCriesWolf, 3, "faithful"),
    (Bug::ReplicaRemoveForgotten, 2, "durable"),
    (Bug::ScrubForgotten, 24, "convergent"),
    (Bug::OneReplicaFewer, 13, "live"),
    (Bug::OneReplicaMore, 4, "convergent"),
    (Bug::ReplicasEverywhere, 4, "convergent"),
    (Bug::ForgetsSoon, 43, "durable"),
    (Bug::QuotaHalved, 17, "convergent"),
    (Bug::LaterQuotaIgnored, 181, "bounded"),
    (Bug::QuotaIgnored, 5, "bounded"),
    (Bug::SecretLeaked, 221, "closed"),
    (Bug::KeysStolen, 1165, "closed"),
    (Bug::InventorySigned, 117, "faithful"),
    (Bug::FlushForgotten, 0, "live"),
    (Bug::AcceptWaits, 14, "live"),
    (Bug::FoundElsewhere, 5, "closed"),
    (Bug::HonestAccused, 1, "closed"),
    (Bug::MovedNotFound, 270, "live"),
    (Bug::BrokenOffStored, 14, "atomic"),
    (Bug::IfRangeIgnored, 250, "faithful"),
    (Bug::ServedStatusWrong, 161, "faithful"),
    (Bug::ServedPeerHidden, 161, "faithful"),
    (Bug::EventsUntold, 237, "faithful"),
    (Bug::PlaceOfAnother, 3, "faithful"),
    (Bug::UnkeptKept, 86, "faithful"),
    (Bug::NamesLogged, 0, "secret"),
    (Bug::SecretLogged, 0, "secret"),
];

fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "the environment chooses the seeds, and a failure prints its own")]
    let variable = |name| std::env::var(name).ok();
    if let Some(seed) = variable("DACAPO_SEED") {
        let seed: u64 = seed.parse().expect("DACAPO_SEED is a number");
        return seed..seed + 1;
    }
    let Some(range) = variable("DACAPO_SEEDS") else { return 0..60 };
    let (from, to) = range.split_once("..").expect("DACAPO_SEEDS is A..B");
    let seeds = from.parse().expect("A is a number")..to.parse().expect("B is a number");
    assert!(!seeds.is_empty(), "there is no seed in DACAPO_SEEDS={range}");
    seeds
}

#[test]
fn no_seed_breaks_a_promise() {
    for seed in seeds() {
        assert_kept(&run(&Files::default(), &plan_of(&Files::default(), seed)), Some(&seed.to_string()));
    }
}

#[test]
fn a_plan_runs_the_same_twice() {
    for seed in [3, 14, 17, 31] {
        let plan = plan_of(&Files::default(), seed);
        let traces: Vec<_> = (0..2).map(|_| run(&Files::default(), &plan).trace.digest()).collect();
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_caught() {
    assert_eq!(CAUGHT.iter().map(|(bug, ..)| *bug).collect::<Vec<_>>(), Bug::ALL);
    let mut missed = Vec::new();
    for (bug, seed, oracle) in CAUGHT {
        let subject = Files { bug: Some(*bug) };
        let broken = run(&subject, &plan_of(&subject, *seed)).broken;
        let found = broken.map(|broken| broken.oracle);
        if found != Some(*oracle) {
            missed.push(format!("{} with seed {seed}: expected {oracle}, found {found:?}", bug.name()));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_shrunk_plan_breaks_the_same_promise_and_is_small() {
    for (bug, seed) in [(Bug::RemoveForgotten, 1), (Bug::StaleReplica, 6), (Bug::ReplicaRemoveForgotten, 20)] {
        let subject = Files { bug: Some(bug) };
        let plan = plan_of(&subject, seed);
        let shrunk = shrink(&subject, &plan, 200, |_| true).expect("it breaks a promise");
        let text = shrunk.plan.to_string();
        let again = run(&subject, &text.parse::<Plan<Call>>().expect("a plan")).broken;
        assert_eq!(again.as_ref(), Some(&shrunk.broken), "{text}");
        assert!(shrunk.plan.steps.len() <= 4, "{text}");
    }
}

#[test]
fn a_failure_is_reported_on_one_screen() {
    let subject = Files { bug: Some(Bug::RemoveForgotten) };
    let plan = plan_of(&subject, 1);
    let shrunk = shrink(&subject, &plan, 200, |_| true).expect("it breaks a promise");
    let shown = report(&run(&subject, &shrunk.plan), Some("1 --bug remove-forgotten"));
    assert!(shown.lines().count() <= 50, "{shown}");
    let without_build: Vec<_> = shown.lines().filter(|line| !line.contains("built from")).collect();
    assert_snapshot("report", &without_build.join("\n"));
}

#[test]
fn a_claim_that_fails_says_where_it_has_left_its_run() {
    let subject = Files { bug: Some(Bug::PanicSwallowed) };
    let run = run(&subject, &plan_of(&subject, 1));
    let said = catch_unwind(AssertUnwindSafe(|| assert_kept(&run, None))).expect_err("a promise is broken");
    let said = said.downcast_ref::<String>().expect("a panic with a text");
    let page = said.lines().find_map(|line| line.strip_prefix("  all about it      ")).expect("it says where");
    let folder = Path::new(page).parent().expect("a folder");
    assert!(folder.parent().is_some_and(|parent| parent.ends_with("target/dacapo")), "{page}");
    for name in ["run.plan", "run.trace", "run.html", "report.txt"] {
        assert!(fs::metadata(folder.join(name)).expect(name).len() > 0, "{name}");
    }
    assert!(said.contains(&format!("cargo sim replay {}", folder.join("run.plan").display())), "{said}");
}

/// Runs a plan that must not break a promise.
fn holds(plan: &str) {
    let plan: Plan<Call> = plan.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_kept(&run(&Files::default(), &plan), None);
}

const STAR: &str = "seed 1\nnodes 3\ndial n0 n1\ndial n0 n2\nlift 5\n";

#[test]
fn an_acked_store_survives_the_power_loss_of_every_host() {
    for at in ["0.500", "0.600", "0.640", "0.700", "0.900"] {
        let losses: String = (0..3).map(|host| format!("at {at} to 2 power-loss n{host}\n")).collect();
        holds(&format!("{STAR}at 0.4 n0 store 0 22\nat 0.45 n0 store 0 70000\nat 0.5 n0 store 1 500\n{losses}"));
    }
}

#[test]
fn a_cut_in_the_middle_of_a_large_store_loses_nothing() {
    holds(&format!(
        "{STAR}at 0.4 n0 store 0 900000\nat 0.5 to 3 cut n0 n1\nat 1 n0 get 0\nat 2 n0 delete 0\nat 2.5 n0 get 0\n"
    ));
}

#[test]
fn an_overwrite_while_a_peer_is_away_is_never_undone() {
    holds(&format!(
        "{STAR}at 0.4 n0 store 0 100\nat 0.8 to 4 kill n1\nat 1.5 n0 store 0 101\nat 2 n0 delete 0\nat 2.5 n0 get 0\n"
    ));
}

#[test]
fn a_disk_that_fails_at_each_kind_of_call_is_survived() {
    for kind in ["read", "write", "sync", "rename", "names"] {
        for host in ["n0", "n1"] {
            holds(&format!(
                "{STAR}at 0.4 n0 store 0 100\nat 0.8 to 2 disk-errors {host} {kind} 1000\nat 1 n0 store 0 101\n\
                 at 1.5 n0 get 0\nat 2.5 n0 store 1 70000\n"
            ));
        }
    }
}

#[test]
fn rot_on_every_copy_but_one_is_survived() {
    holds(&format!(
        "{STAR}at 0.4 n0 store 0 5000\nat 1 rot n0 3\nat 1 rot n1 3\nat 2 n0 get 0\nat 3 n0 delete 0\nat 4 n0 get 0\n"
    ));
}

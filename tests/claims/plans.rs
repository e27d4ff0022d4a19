//! Plans as text: what is written is read back, any other text is refused with the line that is wrong, and every plan
//! that broke a promise once breaks none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use dacapo_sim::fault::Fault;
use dacapo_sim::fault::family::{Draw, Family};
use dacapo_sim::plan::Plan;
use dacapo_sim::run::{run, run_until};
use dacapo_sim::store::Files;
use dacapo_sim::store::call::Call;
use dacapo_sim::sweep::plan_of;
use proptest::prelude::*;

use crate::support::promises::assert_kept;
use crate::support::snapshots::assert_snapshot;

type FilePlan = Plan<Call>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_survives_its_text(seed in any::<u64>()) {
        let plan = plan_of(&Files::default(), seed);
        prop_assert_eq!(plan.to_string().parse::<FilePlan>(), Ok(plan));
    }

    #[test]
    fn any_text_is_a_plan_or_an_error(text in "(\\PC{0,20}\n?){0,20}") {
        if let Ok(plan) = text.parse::<FilePlan>() {
            prop_assert_eq!(plan.to_string().parse::<FilePlan>(), Ok(plan));
        }
    }

    #[test]
    fn words_of_plans_in_any_order_are_a_plan_or_an_error(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..60),
    ) {
        if let Ok(plan) = words.join(" ").parse::<FilePlan>() {
            prop_assert_eq!(plan.to_string().parse::<FilePlan>(), Ok(plan));
        }
    }
}

const WORDS: &[&str] = &[
    "seed",
    "nodes",
    "dial",
    "option",
    "at",
    "to",
    "lift",
    "1",
    "3",
    "7",
    "0.5",
    "1.000",
    "n0",
    "n1",
    "n2",
    "n9",
    "store",
    "get",
    "cut",
    "lie",
    "forgets",
    "forget",
    "change",
    "sent",
    "event",
    "\"lost\"",
    "for",
    "far",
    "late-errors",
    "kill",
    "rot",
    "slow",
    "clock",
    "-5",
    "disk-errors",
    "sync",
    "\nat",
    "\nseed",
    "\nnodes",
    "\noption",
    "\nlift",
    "#",
    "99999999999",
];

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    let good = "seed 1\nnodes 3\ndial n1 n0\nat 0.100 n1 store 0 22\nat 1 to 2 cut n0 n1\nlift 3\n";
    assert!(good.parse::<FilePlan>().is_ok());
    let changes = [
        ("seed 1", ""),
        ("seed 1", "seed one"),
        ("seed 1", "seed 1\nseed 2"),
        ("nodes 3", "nodes 0"),
        ("nodes 3", "nodes 8"),
        ("nodes 3", "nodes 1"),
        ("dial n1 n0", "dial n1 n1"),
        ("dial n1 n0", "dial n1"),
        ("dial n1 n0", "option n1"),
        ("dial n1 n0", "option n1 loud\noption n1 loud"),
        ("dial n1 n0", "option n3 loud"),
        ("n1 store 0 22", "n1 stroe 0 22"),
        ("n1 store 0 22", "n1 store 0"),
        ("n1 store 0 22", "n1 store 0 22 23"),
        ("n1 store 0 22", "n1 store 0 999999999"),
        ("n1 store 0 22", "n1 store 300 22"),
        ("n1 store 0 22", "n8 store 0 22"),
        ("at 0.100", "at 0.1000"),
        ("at 0.100", "at -1"),
        ("at 0.100", "at 601"),
        ("at 1 to 2 cut n0 n1", "at 2 to 1 cut n0 n1"),
        ("at 1 to 2 cut n0 n1", "at 1 cut n0 n1"),
        ("at 1 to 2 cut n0 n1", "at 1 to 2 cut n0 n0"),
        ("at 1 to 2 cut n0 n1", "at 1 to 2 rot n0 5"),
        ("at 1 to 2 cut n0 n1", "at 1 to 2 flood n0"),
        ("at 1 to 2 cut n0 n1", "at 1 to 2 disk-errors n0 fsync 10"),
        ("at 1 to 2 cut n0 n1", "at 1 to 2 disk-errors n0 sync 1001"),
        ("at 1 to 2 cut n0 n1", "at n0 sync 7 cut n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n0 sync 7 for 1 reset n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n0 sync 0 for 1 cut n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n0 fsync 7 for 1 cut n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n0 sent kill n0"),
        ("at 1 to 2 cut n0 n1", "at n0 sent 7"),
        ("at 1 to 2 cut n0 n1", "at n0 event lost 1 reset n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n0 event \"\" 1 reset n0 n1"),
        ("at 1 to 2 cut n0 n1", "at n3 sent 7 reset n0 n1"),
        ("lift 3", "lift"),
        ("lift 3", "drop 3"),
    ];
    let mut text = String::new();
    for (from, to) in changes {
        let error = good.replace(from, to).parse::<FilePlan>().expect_err(to);
        text += &format!("{:40} {error}\n", to.replace('\n', " ⏎ "));
    }
    assert_snapshot("errors_plan", &text);
}

#[test]
fn a_branch_runs_as_its_plan_does_until_its_moment() {
    let subject = Files::default();
    let at = Duration::from_millis(3_500);
    let until = |plan: &Plan<Call>| {
        let run = run_until(&subject, plan, Some(at));
        run.trace.lines().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut differ = 0;
    for seed in 0..6 {
        let plan = plan_of(&subject, seed);
        let branch = plan.branch(&plan_of(&subject, seed + 100), 3_500);
        assert_eq!(until(&branch), until(&plan), "seed {seed}");
        assert_eq!(branch.to_string().parse::<Plan<Call>>().as_ref(), Ok(&branch));
        let digest = |plan: &Plan<Call>| run(&subject, plan).trace.digest();
        differ += usize::from(digest(&branch) != digest(&plan));
    }
    assert!(differ > 3, "{differ} of 6 branches go on in their own way");
}

#[test]
fn what_ends_with_the_lift_of_another_plan_ends_with_the_lift_of_a_branch() {
    let plan = |text: &str| text.parse::<Plan<Call>>().expect("a plan");
    let long = plan("seed 2\nnodes 3\nat 4 to 30 kill n1\nat 5 to 208 kill n2\nat 6 n2 get 0\nlift 30\n");
    let short = plan("seed 1\nnodes 2\nat 1 n0 get 0\nat 5 n0 get 1\nlift 8\n");
    let branch = plan("seed 1\nnodes 2\nat 1 n0 get 0\nat 4 to 8 kill n1\nlift 8\n");
    assert_eq!(short.branch(&long, 4_000), branch);
}

#[test]
fn every_fault_has_a_word_that_is_listed_and_is_drawn() {
    let families = Family::ALL.into_iter().chain(Family::ALONE);
    let draw = |number| Draw { one: 0, other: 1, number, lies: &["stranger"] };
    let faults = families.flat_map(|family| (0..64).map(move |number| family.fault(draw(number))));
    let words: BTreeSet<_> =
        faults.map(|fault| fault.to_string().split(' ').next().expect("a word").to_owned()).collect();
    assert_eq!(words, Fault::WORDS.iter().map(|word| (*word).to_owned()).collect());
}

#[test]
fn a_seed_names_the_same_plan_on_every_machine() {
    assert_snapshot("plan_of_seed_7", &plan_of(&Files::default(), 7).to_string());
}

#[test]
fn every_plan_that_broke_a_promise_once_breaks_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim/plans");
    let mut plans: Vec<_> =
        fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    plans.sort();
    assert!(!plans.is_empty());
    for path in plans {
        let shown = path.display().to_string();
        let text = fs::read_to_string(&path).expect("a readable file");
        let plan: FilePlan = text.parse().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let run = run(&Files::default(), &plan);
        assert_kept(&run, Some(&shown));
    }
}

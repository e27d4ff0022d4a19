//! The seeds that broke a promise by cause: the oracle, and its sentence about the shrunk run without numbers and ids.
//! The same bug by a hundred seeds is one line.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::cause::cause_of;
use crate::oracle::replay;
use crate::parallel;
use crate::plan::Plan;
use crate::shrink::{SHRINK_RUNS_MAX, Shrunk, shrink};
use crate::subject::{Broken, Subject};
use crate::sweep::plan_of;

/// How many plans are shrunk at most: the first of each sentence. Chosen: nobody looks at more causes at once.
const SHRUNK_MAX: usize = 64;

/// A seed that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenSeed {
    /// The seed.
    pub seed: u64,
    /// The oracle that noticed.
    pub oracle: String,
    /// How the promise was broken.
    pub what: String,
}

impl BrokenSeed {
    /// Whether two runs of the seed have differed. What one of them breaks besides is another matter.
    fn is_of_two_runs(&self) -> bool {
        self.oracle == replay::NAME
    }

    /// Returns the promise. A single run of the seed may break none: then two have differed, or the program panicked
    /// where nothing judges it.
    pub(crate) fn broken(&self) -> Broken {
        Broken::new(if self.is_of_two_runs() { replay::NAME } else { "live" }, self.what.clone())
    }
}

/// The seeds that broke a promise for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The oracle that noticed.
    pub oracle: String,
    /// Its sentence, without numbers and names.
    pub cause: String,
    /// How many seeds.
    pub seeds: u64,
    /// The first of them.
    pub first: u64,
    /// How many steps its plan has left after shrinking, if a single run breaks anything.
    pub steps: Option<u64>,
    /// The name of the folder that has its plan and all about it.
    pub folder: String,
}

impl Group {
    /// Says whether a group that was read may be one: its folder is one, and no path to somewhere else.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_name = !self.folder.is_empty() && self.folder.chars().all(is_plain);
        if is_name { Ok(()) } else { Err(format!("{:?} is no folder of a cause", self.folder)) }
    }
}

/// A group, with the plan of its first seed.
pub(crate) struct Found<C> {
    pub(crate) group: Group,
    pub(crate) plan: Plan<C>,
    pub(crate) broken: Broken,
    pub(crate) shrunk: Option<Shrunk<C>>,
}

/// Groups the seeds that broke a promise. Of each sentence the plan of the first seed is shrunk, on this many threads;
/// `goes_on` is called with the number of runs so far and says whether to go on.
pub(crate) fn by_cause<S: Subject + Sync>(
    subject: &S,
    broken: &[BrokenSeed],
    jobs: usize,
    goes_on: impl Fn(u64) -> bool + Sync,
) -> Vec<Found<S::Call>> {
    let mut by_sentence: BTreeMap<_, Vec<&BrokenSeed>> = BTreeMap::new();
    for seed in broken {
        by_sentence.entry((&seed.oracle, cause_of(&seed.what))).or_default().push(seed);
    }
    let mut of_sentences: Vec<_> = by_sentence.into_values().collect();
    of_sentences.sort_by_key(|seeds| seeds[0]);
    let runs = AtomicU64::new(0);
    let shrunk = parallel::map(jobs, of_sentences.len(), |index| {
        let first = of_sentences[index][0];
        let plan = plan_of(subject, first.seed);
        // A run that panics breaks a promise, and has nothing to be shrunk by.
        let shrink = || shrink(subject, &plan, SHRINK_RUNS_MAX, |_| goes_on(runs.fetch_add(1, Ordering::Relaxed) + 1));
        let is_shrunk = index < SHRUNK_MAX && !first.is_of_two_runs();
        let shrunk = if is_shrunk { catch_unwind(AssertUnwindSafe(shrink)).ok().flatten() } else { None };
        (plan, shrunk)
    });
    let mut found: Vec<Found<S::Call>> = Vec::new();
    for (seeds, (plan, shrunk)) in of_sentences.into_iter().zip(shrunk) {
        let first = seeds[0];
        let (oracle, what) = match &shrunk {
            Some(shrunk) => (shrunk.broken.oracle, &shrunk.broken.what),
            None => (first.oracle.as_str(), &first.what),
        };
        let cause = cause_of(what);
        match found.iter_mut().find(|found| found.group.oracle == oracle && found.group.cause == cause) {
            Some(found) => found.group.seeds += seeds.len() as u64,
            None => {
                let steps = shrunk.as_ref().map(|shrunk| shrunk.plan.steps.len() as u64);
                let group = Group {
                    oracle: oracle.to_owned(),
                    folder: folder_of(oracle, &cause),
                    cause,
                    seeds: seeds.len() as u64,
                    first: first.seed,
                    steps,
                };
                found.push(Found { group, plan, broken: first.broken(), shrunk });
            }
        }
    }
    found
}

/// Adds a group to those of other parts. The first of two with one cause stays, with its folder.
pub(super) fn add(groups: &mut Vec<Group>, group: Group) {
    match groups.iter_mut().find(|known| known.folder == group.folder) {
        Some(known) => {
            let seeds = known.seeds.saturating_add(group.seeds);
            if group.first < known.first {
                *known = group;
            }
            known.seeds = seeds;
        }
        None => groups.push(group),
    }
    groups.sort_by_key(|group| group.first);
}

/// Whether a character may be in the name of a folder.
fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '-'
}

/// Returns the name of a folder for a cause, the same in every sweep.
fn folder_of(oracle: &str, cause: &str) -> String {
    let hash = blake3::hash(format!("{oracle} {cause}").as_bytes());
    let plain: String = oracle.chars().map(|char| if is_plain(char) { char } else { '-' }).collect();
    format!("{plain}-{}", &hash.to_hex()[..8])
}

//! What a run has shown, as far as a search cares: which lines of the trace follow each other on a host and how often,
//! what came of which calls under which faults, which rare states were reached, and how long everything took.

use std::collections::{BTreeMap, BTreeSet};

use crate::pairs::pairs;
use crate::subject::{Run, Subject};

/// Returns everything that a run has shown, as hashes.
pub(super) fn of<S: Subject>(subject: &S, run: &Run<S>) -> BTreeSet<u64> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let mut count = |parts: &[&str], times: u64| *counts.entry(hash(parts)).or_default() += times;
    let mut last: BTreeMap<&str, String> = BTreeMap::new();
    for line in run.trace.story() {
        let shape = shape(&line.what.to_string());
        // The hosts are alike; the clients are not.
        let side = if &*line.host == "clients" { "clients" } else { "host" };
        if let Some(before) = last.insert(&line.host, shape.clone()) {
            count(&[side, &before, &shape], 1);
        }
    }
    for ((verb, fault), times) in pairs(&run.trace) {
        count(&["pair", &verb, &fault], times);
    }
    for (state, times) in subject.reached(run) {
        count(&["reached", state], times);
    }
    let after_lift_s = run.elapsed.as_secs().saturating_sub(run.plan.lift_ms / 1000);
    count(&["settled"], after_lift_s);
    // Once, twice, four times and so on are different sights.
    let seen = counts.into_iter().filter(|(_, times)| *times > 0);
    seen.map(|(sight, times)| hash(&[&sight.to_string(), &times.ilog2().to_string()])).collect()
}

/// Returns a line without its names and numbers.
fn shape(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let hash = hasher.finalize();
    u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

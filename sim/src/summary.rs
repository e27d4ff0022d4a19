//! What a sweep has seen, as `summary.json` keeps it: of one part of its seeds, or of several that were joined.

mod groups;
mod part;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use groups::{BrokenSeed, Group};
pub(crate) use groups::{Found, by_cause};
pub use part::Part;

use crate::pairs;
use crate::report::built_from;
use crate::sweep::Totals;

/// A sweep that goes on past broken promises ends after this many. Chosen: more say nothing new.
pub const BROKEN_MAX: usize = 10_000;

/// What a sweep has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepSummary {
    /// What was built: version, revision and profile.
    pub built: String,
    /// The bug that was planted, if one was.
    pub bug: Option<String>,
    /// Runs that were judged.
    pub runs: u64,
    /// Runs that were done a second time, with the same trace.
    pub twice: u64,
    /// Virtual time of all runs, in seconds.
    pub virtual_seconds: f64,
    /// Time of the longest part, in seconds.
    pub wall_seconds: f64,
    /// Time of all processors, in seconds.
    pub cpu_seconds: f64,
    /// Faults that took effect, by their first word.
    pub faults: BTreeMap<String, u64>,
    /// Rare states that were reached.
    pub reached: BTreeMap<String, u64>,
    /// How often each kind of calls has met each fault, as "put with cut".
    pub pairs: BTreeMap<String, u64>,
    /// The seeds that broke a promise, in their order; of parts that were joined, the first [`BROKEN_MAX`].
    pub broken: Vec<BrokenSeed>,
    /// The same by cause, if it was asked for.
    pub groups: Vec<Group>,
    /// The parts, in their order.
    pub parts: Vec<Part>,
}

impl SweepSummary {
    /// Summarises what one part has seen.
    #[must_use]
    pub fn new(totals: &Totals, bug: Option<&str>, part: Part, cpu: Duration) -> Self {
        let pair = |((verb, fault), count): (&(String, String), &u64)| (pairs::name(verb, fault), *count);
        let broken = totals.broken.iter().map(|(seed, broken)| BrokenSeed {
            seed: *seed,
            oracle: broken.oracle.to_owned(),
            what: broken.what.clone(),
        });
        Self {
            built: built_from(),
            bug: bug.map(str::to_owned),
            runs: totals.runs,
            twice: totals.twice,
            virtual_seconds: totals.virtual_time.as_secs_f64(),
            wall_seconds: part.wall_seconds(),
            cpu_seconds: cpu.as_secs_f64(),
            faults: totals.faults.clone(),
            reached: totals.reached.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect(),
            pairs: totals.pairs.iter().map(pair).collect(),
            broken: broken.collect(),
            groups: Vec::new(),
            parts: vec![part],
        }
    }

    /// Joins what two parts have seen, or one part before and after it was interrupted.
    ///
    /// # Errors
    /// If they are not of one sweep: another build, another bug, or the same seeds twice.
    pub fn join(mut self, other: Self) -> Result<Self, String> {
        self.check_same(&other.built, other.bug.as_deref())?;
        for part in other.parts {
            part::add(&mut self.parts, part)?;
        }
        self.runs = self.runs.saturating_add(other.runs);
        self.twice = self.twice.saturating_add(other.twice);
        self.virtual_seconds += other.virtual_seconds;
        self.wall_seconds = self.parts.iter().map(Part::wall_seconds).fold(0.0, f64::max);
        self.cpu_seconds += other.cpu_seconds;
        for (into, from) in
            [(&mut self.faults, other.faults), (&mut self.reached, other.reached), (&mut self.pairs, other.pairs)]
        {
            for (name, count) in from {
                let sum = into.entry(name).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        self.broken.extend(other.broken);
        self.broken.sort();
        self.broken.truncate(BROKEN_MAX);
        for group in other.groups {
            groups::add(&mut self.groups, group);
        }
        Ok(self)
    }

    /// Says whether the runs of a build, with a bug planted or not, go on with these.
    ///
    /// # Errors
    /// If not: promises that are kept by one build say nothing of another.
    pub fn check_same(&self, built: &str, bug: Option<&str>) -> Result<(), String> {
        if self.built != built {
            return Err(format!("one was made by {}, the other by {built}", self.built));
        }
        if self.bug.as_deref() != bug {
            let (one, other) = (self.bug.as_deref().unwrap_or("no bug"), bug.unwrap_or("no bug"));
            return Err(format!("one was made with {one} planted, the other with {other}"));
        }
        Ok(())
    }

    /// Returns what was swept, from the first seed to the last.
    #[must_use]
    pub fn span(&self) -> String {
        let from = self.parts.iter().map(|part| part.from).min().unwrap_or(0);
        let to = self.parts.iter().map(|part| part.to).max().unwrap_or(0);
        format!("seeds {from}..{to}")
    }

    /// Returns how many runs a second of a processor has done, and how much virtual time.
    #[must_use]
    pub fn rates(&self) -> (f64, f64) {
        let runs = f64::from(u32::try_from(self.runs).unwrap_or(u32::MAX));
        let cpu = self.cpu_seconds.max(0.001);
        (runs / cpu, self.virtual_seconds / cpu)
    }

    /// Says which parts nobody has summarised.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        part::missing(&self.parts)
    }

    /// Says which parts ended before their last seed.
    #[must_use]
    pub fn ended_early(&self) -> Vec<String> {
        part::ended_early(&self.parts)
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// If the text is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let summary: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        summary.parts.iter().try_for_each(Part::check)?;
        summary.groups.iter().try_for_each(Group::check)?;
        if summary.broken.len() > BROKEN_MAX {
            return Err(format!("more than {BROKEN_MAX} seeds broke a promise"));
        }
        if summary.parts.is_empty() { Err("it has no part".to_owned()) } else { Ok(summary) }
    }

    /// Writes the summary as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }
}

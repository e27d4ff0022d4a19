//! A part of the seeds of a sweep: how far it is, and how it got there.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sweep::{Sweep, Totals};

/// The most points of a curve. Chosen: more than are seen on a page.
const POINTS_MAX: usize = 240;

/// The longest time that a part says it has taken, in seconds. Chosen: a thousand years.
const SECONDS_MAX: f64 = 3e10;

/// A part of the seeds of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The first seed of the sweep.
    pub from: u64,
    /// The seed behind the last.
    pub to: u64,
    /// Which part, counted from 0: the seeds that leave this remainder when they are divided by `of`.
    pub index: u64,
    /// How many parts there are.
    pub of: u64,
    /// Every seed of the part below this one is done.
    pub next: u64,
    /// Seeds above that are done as well.
    pub beyond: BTreeSet<u64>,
    /// Seconds since the begin, and how many runs were done by then.
    pub curve: Vec<(f64, u64)>,
}

impl Part {
    /// Begins a part.
    #[must_use]
    pub fn new(seeds: Range<u64>, (index, of): (u64, u64)) -> Self {
        let Range { start: from, end: to } = seeds;
        let next = Sweep { shard: (index, of), ..Sweep::all(from..to, 1) }.first();
        Self { from, to, index, of, next, beyond: BTreeSet::new(), curve: Vec::new() }
    }

    /// Returns what is left of the part.
    #[must_use]
    pub fn rest(&self, jobs: usize) -> Sweep {
        let (seeds, shard) = (self.next.min(self.to)..self.to, (self.index, self.of));
        Sweep { seeds, jobs, shard, done: self.beyond.clone() }
    }

    /// Notes which seeds are done.
    pub fn note(&mut self, totals: &Totals) {
        self.next = totals.next;
        self.beyond.clone_from(&totals.beyond);
    }

    /// Adds a point to the curve. If it has many points, every second one is dropped.
    pub fn add_point(&mut self, runs: u64, after: Duration) {
        if self.curve.len() == POINTS_MAX {
            let mut is_kept = false;
            self.curve.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        self.curve.push((after.as_secs_f64(), runs));
    }

    /// Returns how long the part has taken, in seconds.
    #[must_use]
    pub fn wall_seconds(&self) -> f64 {
        self.curve.last().map_or(0.0, |(seconds, _)| *seconds)
    }

    /// Whether a part has the same seeds.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.from, self.to, self.index, self.of) == (other.from, other.to, other.index, other.of)
    }

    /// Whether two parts have no seed in common: they are of two ranges, or two parts of as many.
    fn is_disjoint(&self, other: &Self) -> bool {
        let is_behind = |one: &Self, other: &Self| one.from >= other.to;
        let is_beside = self.of == other.of && self.index != other.index;
        is_beside || is_behind(self, other) || is_behind(other, self)
    }

    /// Whether every seed of the part is done.
    fn is_done(&self) -> bool {
        self.next >= self.to
    }

    /// Says whether a part that was read may be one.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_ordered = self.curve.windows(2).all(|points| points[0].0 <= points[1].0);
        let is_time = |(seconds, _): &(f64, u64)| (0.0..SECONDS_MAX).contains(seconds);
        let is_of_part = |seed: &u64| seed % self.of == self.index && (self.next..self.to).contains(seed);
        let is_part = self.index < self.of && self.from < self.to && self.from <= self.next;
        let is_part = is_part && self.beyond.iter().all(is_of_part);
        let is_curve = self.curve.len() <= POINTS_MAX && is_ordered && self.curve.iter().all(is_time);
        if is_part && is_curve { Ok(()) } else { Err(format!("{self} cannot be")) }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "part {}/{} of {}..{}", self.index, self.of, self.from, self.to)
    }
}

/// Adds a part.
pub(super) fn add(parts: &mut Vec<Part>, part: Part) -> Result<(), String> {
    if let Some(other) = parts.iter().find(|other| !other.is_disjoint(&part)) {
        return Err(format!("{other} and {part} have seeds in common"));
    }
    parts.push(part);
    parts.sort_by_key(|part| (part.from, part.to, part.of, part.index));
    Ok(())
}

/// Says which parts ended before their last seed.
pub(super) fn ended_early(parts: &[Part]) -> Vec<String> {
    let parts = parts.iter().filter(|part| !part.is_done());
    parts.map(|part| format!("{part} ended before seed {}", part.next)).collect()
}

/// Says which parts are not there.
pub(super) fn missing(parts: &[Part]) -> Vec<String> {
    let mut missing = Vec::new();
    let sweeps: BTreeSet<_> = parts.iter().map(|part| (part.from, part.to, part.of)).collect();
    for (from, to, of) in sweeps {
        let is_there =
            |index: &u64| parts.iter().any(|part| (part.from, part.to, part.of, part.index) == (from, to, of, *index));
        missing.extend(
            (0..of)
                .filter(|index| !is_there(index))
                .take(16)
                .map(|index| format!("part {index}/{of} of {from}..{to} is not there")),
        );
    }
    missing
}

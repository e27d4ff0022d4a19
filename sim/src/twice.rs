//! The proof that a plan replays: runs of the same plan are compared line by line.

use std::fmt;

use crate::trace::Trace;

/// The first place where two traces differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line, counted from 1.
    pub line: usize,
    /// That line of the first run; `None` if the run ended before.
    pub first: Option<String>,
    /// That line of the second run; `None` if the run ended before.
    pub second: Option<String>,
    /// The last lines before of the host that differs, which both runs have.
    pub before: Vec<String>,
}

/// How many lines before a difference are shown.
const BEFORE: usize = 10;

/// Returns the first difference of two runs. They are compared as text, so that a trace from another process compares
/// like one from this process.
#[must_use]
pub fn compare<'a>(
    first: impl IntoIterator<Item = &'a str>,
    second: impl IntoIterator<Item = &'a str>,
) -> Option<Difference> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut same: Vec<&str> = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (Some(one), Some(other)) if one == other => same.push(one),
            (None, None) => return None,
            (one, other) => {
                let host = one.or(other).and_then(host_of);
                let mut before: Vec<_> = same.iter().rev().filter(|line| host_of(line) == host).take(BEFORE).collect();
                before.reverse();
                return Some(Difference {
                    line: same.len() + 1,
                    first: one.map(Into::into),
                    second: other.map(Into::into),
                    before: before.into_iter().map(|line| (*line).to_owned()).collect(),
                });
            }
        }
    }
}

/// Returns the host of a line.
fn host_of(line: &str) -> Option<&str> {
    line.split_whitespace().nth(1)
}

/// Returns a trace as lines of text.
#[must_use]
pub fn lines<E: fmt::Display>(trace: &Trace<E>) -> Vec<String> {
    trace.telling().map(ToString::to_string).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the trace has ended)".to_owned());
        writeln!(f, "the runs differ first in line {}:", self.line)?;
        self.before.iter().try_for_each(|line| writeln!(f, "  both    {line}"))?;
        writeln!(f, "  first   {}", show(&self.first))?;
        write!(f, "  second  {}", show(&self.second))
    }
}

//! The proof that a seed replays: runs of the same seed are compared line by line.

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
}

/// Returns the first difference of two runs. They are compared as text, so that a trace from another process compares
/// like one from this process.
#[must_use]
pub fn compare<'a>(
    first: impl IntoIterator<Item = &'a str>,
    second: impl IntoIterator<Item = &'a str>,
) -> Option<Difference> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    for line in 1.. {
        match (first.next(), second.next()) {
            (None, None) => return None,
            (one, other) if one != other => {
                return Some(Difference { line, first: one.map(Into::into), second: other.map(Into::into) });
            }
            _ => {}
        }
    }
    None
}

/// Returns a trace as lines of text.
#[must_use]
pub fn lines<E: fmt::Display>(trace: &Trace<E>) -> Vec<String> {
    trace.lines().iter().map(ToString::to_string).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the trace has ended)".to_owned());
        writeln!(f, "the runs differ first in line {}:", self.line)?;
        writeln!(f, "  first   {}", show(&self.first))?;
        write!(f, "  second  {}", show(&self.second))
    }
}

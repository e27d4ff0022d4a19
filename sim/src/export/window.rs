//! A part of a run in virtual time.

use std::fmt;
use std::time::Duration;

use crate::trace::{Line, Trace};

/// A part of a run, in virtual time since its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Duration,
    /// The last moment.
    pub to: Duration,
}

impl Window {
    /// All of a run.
    pub const ALL: Self = Self { from: Duration::ZERO, to: Duration::MAX };

    /// Returns the lines of a trace within the window.
    pub(super) fn lines<E: fmt::Display>(self, trace: &Trace<E>) -> impl Iterator<Item = &Line<E>> {
        trace.lines().iter().filter(move |line| (self.from..=self.to).contains(&line.at))
    }
}

//! Errors of the disk itself: a share of the calls of one kind fails, without effect or after it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use dacapo::seed::{Rng, SeedRng};

use crate::named::named;

named! {
    /// A kind of calls on a disk.
    CallKind

    /// Reads of content and length.
    Read "read",
    /// Writes of content and length.
    Write "write",
    /// Syncs of content and of directories.
    Sync "sync",
    /// Renames.
    Rename "rename",
    /// All other calls that concern names.
    Names "names",
}

/// When a call fails: without effect, or after it has taken effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    Before,
    After,
}

#[derive(Default)]
pub(super) struct Failing {
    shares: BTreeMap<(CallKind, Moment), (u32, SeedRng)>,
}

impl Failing {
    pub(super) fn set(&mut self, kind: CallKind, moment: Moment, per_mille: u32, rng: SeedRng) {
        if per_mille == 0 {
            self.shares.remove(&(kind, moment));
        } else {
            self.shares.insert((kind, moment), (per_mille, rng));
        }
    }

    /// Returns what the calls of a kind that fail without effect draw from.
    pub(super) fn rng(&mut self, kind: CallKind) -> Option<&mut SeedRng> {
        self.shares.get_mut(&(kind, Moment::Before)).map(|(_, rng)| rng)
    }

    pub(super) fn draw(&mut self, kind: CallKind, moment: Moment) -> io::Result<()> {
        let Some((per_mille, rng)) = self.shares.get_mut(&(kind, moment)) else { return Ok(()) };
        if rng.next_u32() % 1000 >= *per_mille {
            return Ok(());
        }
        Err(failed())
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CallKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::named(text).ok_or_else(|| format!("{text:?} is not one of {}", Self::NAMES.join(", ")))
    }
}

/// Returns what a call on a disk fails with.
pub(super) fn failed() -> io::Error {
    io::Error::other("input/output error")
}

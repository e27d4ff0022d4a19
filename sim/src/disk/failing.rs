//! Errors of the disk itself: a share of the calls of one kind fails without effect.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use dacapo::seed::{Rng, SeedRng};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    /// Reads of content and length.
    Read,
    /// Writes of content and length.
    Write,
    /// Syncs of content and of directories.
    Sync,
    /// Renames.
    Rename,
    /// All else that has to do with names.
    Names,
}

#[derive(Default)]
pub(super) struct Failing {
    shares: BTreeMap<CallKind, (u32, SeedRng)>,
}

impl Failing {
    pub(super) fn set(&mut self, kind: CallKind, per_mille: u32, rng: SeedRng) {
        if per_mille == 0 {
            self.shares.remove(&kind);
        } else {
            self.shares.insert(kind, (per_mille, rng));
        }
    }

    /// What the calls of a kind that fail draw from.
    pub(super) fn rng(&mut self, kind: CallKind) -> Option<&mut SeedRng> {
        self.shares.get_mut(&kind).map(|(_, rng)| rng)
    }

    pub(super) fn draw(&mut self, kind: CallKind) -> io::Result<()> {
        let Some((per_mille, rng)) = self.shares.get_mut(&kind) else { return Ok(()) };
        if rng.next_u32() % 1000 >= *per_mille {
            return Ok(());
        }
        Err(io::Error::other("input/output error"))
    }
}

impl CallKind {
    /// All of them, by name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Sync, "sync"),
        (Self::Rename, "rename"),
        (Self::Names, "names"),
    ];
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = Self::ALL.iter().find(|(kind, _)| kind == self).expect("every kind has a name");
        f.write_str(name)
    }
}

impl FromStr for CallKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(kind, _)| *kind).ok_or_else(|| format!("{text:?} is not one of read, write, sync, rename, names"))
    }
}

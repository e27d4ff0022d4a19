//! The faults of a plan: what happens to the hosts, their disks and their network. No fault reaches into a program.

pub mod family;
mod text;

use std::time::Duration;

use crate::disk::CallKind;
use crate::host::Host;
use crate::links::Trouble;

/// One fault. A fault that lasts ends at its own end, or when all faults are lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Segments between two hosts are lost, both ways; dials fail at once.
    Cut(Host, Host),
    /// Segments from the first to the second host are lost.
    CutOneWay(Host, Host),
    /// Segments between two hosts are held back, and delivered at the end.
    Hold(Host, Host),
    /// Segments between two hosts take this long, both ways.
    Far(Host, Host, Duration),
    /// This many of 1,000 segments between two hosts are lost, both ways.
    Lossy(Host, Host, u32),
    /// The connections between two hosts are reset.
    Reset(Host, Host),
    /// One bit of the next piece from the first to the second host is flipped.
    Corrupt(Host, Host),
    /// A trouble on the way from the first to the second host.
    Link(Host, Host, Trouble),
    /// The program is killed, and started again at the end. The disk keeps all that was written.
    Kill(Host),
    /// The host loses its power, and has it again at the end. What was not synced is lost, in part.
    PowerLoss(Host),
    /// A copy of the whole disk is made. At the end the program is killed, the copy is put back, and the program starts
    /// on it.
    Restore(Host),
    /// The host stands still: neither its disk nor its network does anything.
    Pause(Host),
    /// Each piece of work on the disk takes this long.
    SlowDisk(Host, Duration),
    /// This many of 1,000 calls of one kind fail.
    DiskErrors(Host, CallKind, u32),
    /// This many of 1,000 calls of one kind take effect, and fail all the same.
    LateErrors(Host, CallKind, u32),
    /// Nothing more fits on the disk.
    FullDisk(Host),
    /// Syncs say that they have made things durable, and have not.
    LyingSync(Host),
    /// This many of 1,000 writes to files that lie there land in another place of their file.
    MisdirectedWrites(Host, u32),
    /// A bit of a file that the program cannot live without is flipped; the number chooses the file and the bit.
    RotNeeded(Host, u32),
    /// A bit of a file at rest flips; the number chooses the file and the bit.
    Rot(Host, u32),
    /// A page of a file at rest becomes zeros; the number chooses the file and the page.
    Zero(Host, u32),
    /// A file at rest loses its end; the number chooses the file and how much is left.
    Truncate(Host, u32),
    /// A file at rest is gone; the number chooses it.
    Lose(Host, u32),
    /// A sector of a file at rest, but not of one in the root, cannot be read until it is written again; the number
    /// chooses the file and the sector.
    Unreadable(Host, u32),
    /// Two files at rest change places; the number chooses them.
    Swap(Host, u32),
    /// The time of day jumps by this many milliseconds.
    Clock(Host, i64),
    /// The program gives way to one that lies, and comes back at the end. The word is one of the subject's.
    Lie(Host, String),
}

impl Fault {
    /// The first words of all faults.
    pub const WORDS: [&str; 32] = [
        "cut",
        "cut-one-way",
        "hold",
        "far",
        "lossy",
        "reset",
        "corrupt",
        "refuse",
        "hang",
        "stall",
        "short",
        "slow",
        "trickle",
        "kill",
        "power-loss",
        "restore",
        "pause",
        "slow-disk",
        "disk-errors",
        "late-errors",
        "full-disk",
        "lying-sync",
        "misdirected-writes",
        "rot-needed",
        "rot",
        "zero",
        "truncate",
        "lose",
        "unreadable",
        "swap",
        "clock",
        "lie",
    ];

    /// The first words of the faults that damage files.
    pub const DAMAGE_WORDS: [&str; 7] = ["misdirected-writes", "rot", "zero", "truncate", "lose", "unreadable", "swap"];

    /// Whether the fault lasts until an end. The others happen at one moment.
    #[must_use]
    pub fn lasts(&self) -> bool {
        !matches!(self, Self::Reset(..) | Self::Corrupt(..) | Self::Clock(..)) && !self.is_damage()
    }

    /// Whether the fault damages files at rest.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Rot(..)
                | Self::Zero(..)
                | Self::Truncate(..)
                | Self::Lose(..)
                | Self::Unreadable(..)
                | Self::Swap(..)
        )
    }

    /// Returns the host whose disk does what a disk must not do, or is another one than before.
    #[must_use]
    pub fn faulty_disk(&self) -> Option<Host> {
        match self {
            Self::DiskErrors(host, ..)
            | Self::LateErrors(host, ..)
            | Self::FullDisk(host)
            | Self::LyingSync(host)
            | Self::MisdirectedWrites(host, _)
            | Self::RotNeeded(host, _)
            | Self::Restore(host) => Some(*host),
            _ => self.is_damage().then_some(self.hosts().0),
        }
    }

    /// Whether the fault has calls of a disk fail, and leaves what is on the disk as it is.
    #[must_use]
    pub fn only_fails_calls(&self) -> bool {
        matches!(self, Self::DiskErrors(..) | Self::LateErrors(..) | Self::FullDisk(_))
    }

    /// Returns the host on which the fault takes the name of a file that may be open.
    #[must_use]
    pub fn takes_name_at(&self) -> Option<Host> {
        match self {
            Self::Lose(host, _) | Self::Swap(host, _) => Some(*host),
            _ => None,
        }
    }

    /// Returns the hosts that the fault concerns.
    #[must_use]
    pub fn hosts(&self) -> (Host, Option<Host>) {
        match self {
            Self::Cut(one, other)
            | Self::CutOneWay(one, other)
            | Self::Hold(one, other)
            | Self::Far(one, other, _)
            | Self::Lossy(one, other, _)
            | Self::Reset(one, other)
            | Self::Corrupt(one, other)
            | Self::Link(one, other, _) => (*one, Some(*other)),
            Self::Kill(host)
            | Self::PowerLoss(host)
            | Self::Restore(host)
            | Self::Pause(host)
            | Self::SlowDisk(host, _)
            | Self::DiskErrors(host, ..)
            | Self::LateErrors(host, ..)
            | Self::FullDisk(host)
            | Self::LyingSync(host)
            | Self::MisdirectedWrites(host, _)
            | Self::RotNeeded(host, _)
            | Self::Rot(host, _)
            | Self::Zero(host, _)
            | Self::Truncate(host, _)
            | Self::Lose(host, _)
            | Self::Unreadable(host, _)
            | Self::Swap(host, _)
            | Self::Clock(host, _)
            | Self::Lie(host, _) => (*host, None),
        }
    }
}

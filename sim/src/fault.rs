//! The faults of a plan: what happens to the hosts, their disks and their network. No fault reaches into a program.

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
    /// Nothing more fits on the disk.
    FullDisk(Host),
    /// A bit of a file at rest flips; the number chooses the file and the bit.
    Rot(Host, u32),
    /// Two files at rest change places; the number chooses them.
    Swap(Host, u32),
    /// The time of day jumps by this many milliseconds.
    Clock(Host, i64),
    /// The program gives way to one that lies, and comes back at the end. The word is one of the subject's.
    Lie(Host, String),
}

/// Groups of faults that a seed switches on or off together (swarm testing: Groce et al., ISSTA 2012).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named for the faults in them")]
pub enum Family {
    Cut,
    Hold,
    Reset,
    Corrupt,
    Dial,
    Stall,
    Short,
    Slow,
    Kill,
    PowerLoss,
    Pause,
    SlowDisk,
    DiskErrors,
    FullDisk,
    Rot,
    Swap,
    Clock,
    Lie,
    Restore,
}

/// The numbers that a fault of a family is made from.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The first host.
    pub one: Host,
    /// Another host.
    pub other: Host,
    /// Chooses the fault within the family, and its strength.
    pub number: u32,
    /// The lies that the subject knows.
    pub lies: &'static [&'static str],
}

impl Family {
    /// All families but [`Lie`](Self::Lie), which is only for subjects that know lies, and [`Restore`](Self::Restore),
    /// which is drawn by itself.
    pub const ALL: [Self; 17] = [
        Self::Cut,
        Self::Hold,
        Self::Reset,
        Self::Corrupt,
        Self::Dial,
        Self::Stall,
        Self::Short,
        Self::Slow,
        Self::Kill,
        Self::PowerLoss,
        Self::Pause,
        Self::SlowDisk,
        Self::DiskErrors,
        Self::FullDisk,
        Self::Rot,
        Self::Swap,
        Self::Clock,
    ];

    /// Makes a fault of this family.
    #[must_use]
    pub fn fault(self, draw: Draw) -> Fault {
        let Draw { one, other, number, lies } = draw;
        let link = |trouble| Fault::Link(one, other, trouble);
        match self {
            Self::Cut if number % 3 == 0 => Fault::CutOneWay(one, other),
            Self::Cut => Fault::Cut(one, other),
            Self::Hold => Fault::Hold(one, other),
            Self::Reset => Fault::Reset(one, other),
            Self::Corrupt => Fault::Corrupt(one, other),
            Self::Dial if number % 2 == 0 => link(Trouble::Refuse),
            Self::Dial => link(Trouble::Hang),
            Self::Stall => link(Trouble::Stall),
            Self::Short => link(Trouble::Short),
            Self::Slow => link(Trouble::Slow(Duration::from_millis(u64::from(10 + number % 190)))),
            Self::Kill => Fault::Kill(one),
            Self::PowerLoss => Fault::PowerLoss(one),
            Self::Restore => Fault::Restore(one),
            Self::Pause => Fault::Pause(one),
            Self::SlowDisk => Fault::SlowDisk(one, Duration::from_millis(u64::from(1 + number % 99))),
            Self::DiskErrors => {
                let [share, kind, ..] = number.to_le_bytes().map(usize::from);
                let kind = CallKind::ALL[kind % CallKind::ALL.len()];
                Fault::DiskErrors(one, kind, [20, 200, 1000, 1000][share % 4])
            }
            Self::FullDisk => Fault::FullDisk(one),
            Self::Rot => Fault::Rot(one, number % 1000),
            Self::Swap => Fault::Swap(one, number % 1000),
            Self::Clock => Fault::Clock(one, i64::from(number % 200_000_000) - 100_000_000),
            Self::Lie => {
                let lie = usize::try_from(number).unwrap_or(0) % lies.len().max(1);
                Fault::Lie(one, lies.get(lie).copied().unwrap_or_default().to_owned())
            }
        }
    }
}

impl Fault {
    /// Whether the fault lasts until an end. The others happen at one moment.
    #[must_use]
    pub fn lasts(&self) -> bool {
        !matches!(self, Self::Reset(..) | Self::Corrupt(..) | Self::Rot(..) | Self::Swap(..) | Self::Clock(..))
    }

    /// Returns the hosts that the fault concerns.
    #[must_use]
    pub fn hosts(&self) -> (Host, Option<Host>) {
        match self {
            Self::Cut(one, other)
            | Self::CutOneWay(one, other)
            | Self::Hold(one, other)
            | Self::Reset(one, other)
            | Self::Corrupt(one, other)
            | Self::Link(one, other, _) => (*one, Some(*other)),
            Self::Kill(host)
            | Self::PowerLoss(host)
            | Self::Restore(host)
            | Self::Pause(host)
            | Self::SlowDisk(host, _)
            | Self::DiskErrors(host, ..)
            | Self::FullDisk(host)
            | Self::Rot(host, _)
            | Self::Swap(host, _)
            | Self::Clock(host, _)
            | Self::Lie(host, _) => (*host, None),
        }
    }
}

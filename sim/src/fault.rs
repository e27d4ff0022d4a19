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
    Far,
    Lossy,
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
    LateErrors,
    FullDisk,
    LyingSync,
    MisdirectedWrites,
    RotNeeded,
    Rot,
    Zero,
    Truncate,
    Lose,
    Swap,
    Clock,
    Lie,
    Restore,
    Trickle,
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

/// The kinds of calls on a disk that are drawn to fail. Those that are rare stand here more often, because few of them
/// come while they fail.
const FAILING_KINDS: [CallKind; 8] = [
    CallKind::Read,
    CallKind::Write,
    CallKind::Sync,
    CallKind::Rename,
    CallKind::Rename,
    CallKind::Rename,
    CallKind::Names,
    CallKind::Names,
];

impl Family {
    /// All families but [`Lie`](Self::Lie), which is only for subjects that know lies, and those that are drawn by
    /// themselves: [`Restore`](Self::Restore), [`Trickle`](Self::Trickle), [`Lossy`](Self::Lossy),
    /// [`LyingSync`](Self::LyingSync), [`MisdirectedWrites`](Self::MisdirectedWrites) and
    /// [`RotNeeded`](Self::RotNeeded).
    pub const ALL: [Self; 22] = [
        Self::Cut,
        Self::Hold,
        Self::Far,
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
        Self::LateErrors,
        Self::FullDisk,
        Self::Rot,
        Self::Zero,
        Self::Truncate,
        Self::Lose,
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
            Self::Far => Fault::Far(one, other, Duration::from_millis(u64::from(100 + number % 900))),
            Self::Lossy => Fault::Lossy(one, other, [5, 20, 100][usize::try_from(number).unwrap_or(0) % 3]),
            Self::Reset => Fault::Reset(one, other),
            Self::Corrupt => Fault::Corrupt(one, other),
            Self::Dial if number % 2 == 0 => link(Trouble::Refuse),
            Self::Dial => link(Trouble::Hang),
            Self::Stall => link(Trouble::Stall),
            Self::Short => link(Trouble::Short),
            Self::Slow => link(Trouble::Slow(Duration::from_millis(u64::from(10 + number % 190)))),
            Self::Trickle => {
                let rates = [500, 5_000, 50_000, 200_000];
                link(Trouble::Trickle(rates[usize::try_from(number).unwrap_or(0) % rates.len()]))
            }
            Self::Kill => Fault::Kill(one),
            Self::PowerLoss => Fault::PowerLoss(one),
            Self::Restore => Fault::Restore(one),
            Self::Pause => Fault::Pause(one),
            Self::SlowDisk => {
                // Some are slow enough for a caller to change what another one has looked at.
                let ms = if number % 4 == 0 { 100 + number / 4 % 2900 } else { 1 + number % 99 };
                Fault::SlowDisk(one, Duration::from_millis(u64::from(ms)))
            }
            Self::DiskErrors | Self::LateErrors => {
                let [share, kind, ..] = number.to_le_bytes().map(usize::from);
                let kind = FAILING_KINDS[kind % FAILING_KINDS.len()];
                let per_mille = [20, 200, 1000, 1000][share % 4];
                match self {
                    Self::DiskErrors => Fault::DiskErrors(one, kind, per_mille),
                    _ => Fault::LateErrors(one, kind, per_mille),
                }
            }
            Self::FullDisk => Fault::FullDisk(one),
            Self::LyingSync => Fault::LyingSync(one),
            Self::MisdirectedWrites => {
                Fault::MisdirectedWrites(one, [10, 50, 300][usize::try_from(number).unwrap_or(0) % 3])
            }
            Self::RotNeeded => Fault::RotNeeded(one, number),
            Self::Rot => Fault::Rot(one, number),
            Self::Zero => Fault::Zero(one, number),
            Self::Truncate => Fault::Truncate(one, number),
            Self::Lose => Fault::Lose(one, number),
            Self::Swap => Fault::Swap(one, number),
            Self::Clock => Fault::Clock(one, i64::from(number % 200_000_000) - 100_000_000),
            Self::Lie => {
                let lie = usize::try_from(number).unwrap_or(0) % lies.len().max(1);
                Fault::Lie(one, lies.get(lie).copied().unwrap_or_default().to_owned())
            }
        }
    }
}

impl Fault {
    /// The first words of all faults.
    pub const WORDS: [&str; 31] = [
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
        "swap",
        "clock",
        "lie",
    ];

    /// The first words of the faults that damage files.
    pub const DAMAGE_WORDS: [&str; 6] = ["misdirected-writes", "rot", "zero", "truncate", "lose", "swap"];

    /// Whether the fault lasts until an end. The others happen at one moment.
    #[must_use]
    pub fn lasts(&self) -> bool {
        !matches!(self, Self::Reset(..) | Self::Corrupt(..) | Self::Clock(..)) && !self.is_damage()
    }

    /// Whether the fault damages files at rest.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Rot(..) | Self::Zero(..) | Self::Truncate(..) | Self::Lose(..) | Self::Swap(..))
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
            | Self::Swap(host, _)
            | Self::Clock(host, _)
            | Self::Lie(host, _) => (*host, None),
        }
    }
}

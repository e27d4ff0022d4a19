//! Families of faults, of which each seed has some and not others, and how a fault of a family is made.

use std::time::Duration;

use super::Fault;
use crate::disk::CallKind;
use crate::host::Host;
use crate::links::Trouble;

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
    Unreadable,
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
    /// All families but those of [`ALONE`](Self::ALONE).
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

    /// The families that are drawn by themselves if a fault has a time: [`Lie`](Self::Lie), which is only for subjects
    /// that know lies, and those that few seeds are to have.
    pub const ALONE: [Self; 8] = [
        Self::Lie,
        Self::Restore,
        Self::Trickle,
        Self::Lossy,
        Self::LyingSync,
        Self::MisdirectedWrites,
        Self::RotNeeded,
        Self::Unreadable,
    ];

    /// Whether a disk that has such a fault may be as it was before: not every subject allows that.
    #[must_use]
    pub fn goes_back(self) -> bool {
        matches!(self, Self::Restore | Self::LyingSync)
    }

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
            Self::Unreadable => Fault::Unreadable(one, number),
            Self::Swap => Fault::Swap(one, number),
            Self::Clock => Fault::Clock(one, i64::from(number % 200_000_000) - 100_000_000),
            Self::Lie => {
                let lie = usize::try_from(number).unwrap_or(0) % lies.len().max(1);
                Fault::Lie(one, lies.get(lie).copied().unwrap_or_default().to_owned())
            }
        }
    }
}

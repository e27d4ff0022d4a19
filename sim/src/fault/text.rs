//! Faults as text: the words of a plan.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Fault;
use crate::host::Host;
use crate::host::name;
use crate::links::Trouble;
use crate::words::Words;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pair = |word: &str, one: &Host, other: &Host| write!(f, "{word} {} {}", name(*one), name(*other));
        match self {
            Self::Cut(one, other) => pair("cut", one, other),
            Self::CutOneWay(one, other) => pair("cut-one-way", one, other),
            Self::Hold(one, other) => pair("hold", one, other),
            Self::Far(one, other, delay) => {
                pair("far", one, other)?;
                write!(f, " {}", delay.as_millis())
            }
            Self::Lossy(one, other, per_mille) => {
                pair("lossy", one, other)?;
                write!(f, " {per_mille}")
            }
            Self::Reset(one, other) => pair("reset", one, other),
            Self::Corrupt(one, other) => pair("corrupt", one, other),
            Self::Link(one, other, trouble) => match trouble {
                Trouble::Refuse => pair("refuse", one, other),
                Trouble::Hang => pair("hang", one, other),
                Trouble::Stall => pair("stall", one, other),
                Trouble::Short => pair("short", one, other),
                Trouble::Slow(delay) => {
                    pair("slow", one, other)?;
                    write!(f, " {}", delay.as_millis())
                }
                Trouble::Trickle(rate) => {
                    pair("trickle", one, other)?;
                    write!(f, " {rate}")
                }
            },
            Self::Kill(host) => write!(f, "kill {}", name(*host)),
            Self::PowerLoss(host) => write!(f, "power-loss {}", name(*host)),
            Self::Restore(host) => write!(f, "restore {}", name(*host)),
            Self::Pause(host) => write!(f, "pause {}", name(*host)),
            Self::SlowDisk(host, delay) => write!(f, "slow-disk {} {}", name(*host), delay.as_millis()),
            Self::DiskErrors(host, kind, per_mille) => write!(f, "disk-errors {} {kind} {per_mille}", name(*host)),
            Self::LateErrors(host, kind, per_mille) => write!(f, "late-errors {} {kind} {per_mille}", name(*host)),
            Self::FullDisk(host) => write!(f, "full-disk {}", name(*host)),
            Self::LyingSync(host) => write!(f, "lying-sync {}", name(*host)),
            Self::MisdirectedWrites(host, per_mille) => write!(f, "misdirected-writes {} {per_mille}", name(*host)),
            Self::RotNeeded(host, number) => write!(f, "rot-needed {} {number}", name(*host)),
            Self::Rot(host, number) => write!(f, "rot {} {number}", name(*host)),
            Self::Zero(host, number) => write!(f, "zero {} {number}", name(*host)),
            Self::Truncate(host, number) => write!(f, "truncate {} {number}", name(*host)),
            Self::Lose(host, number) => write!(f, "lose {} {number}", name(*host)),
            Self::Unreadable(host, number) => write!(f, "unreadable {} {number}", name(*host)),
            Self::Swap(host, number) => write!(f, "swap {} {number}", name(*host)),
            Self::Clock(host, by_ms) => write!(f, "clock {} {by_ms}", name(*host)),
            Self::Lie(host, lie) => write!(f, "lie {} {lie}", name(*host)),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Words::new(text);
        let word = words.word("a fault")?;
        let fault = match word {
            "kill" => Self::Kill(words.host()?),
            "power-loss" => Self::PowerLoss(words.host()?),
            "restore" => Self::Restore(words.host()?),
            "pause" => Self::Pause(words.host()?),
            "slow-disk" => Self::SlowDisk(words.host()?, words.millis()?),
            "disk-errors" => {
                Self::DiskErrors(words.host()?, words.word("a kind of call")?.parse()?, words.at_most(1000)?)
            }
            "late-errors" => {
                Self::LateErrors(words.host()?, words.word("a kind of call")?.parse()?, words.at_most(1000)?)
            }
            "full-disk" => Self::FullDisk(words.host()?),
            "lying-sync" => Self::LyingSync(words.host()?),
            "misdirected-writes" => Self::MisdirectedWrites(words.host()?, words.at_most(1000)?),
            "rot-needed" => Self::RotNeeded(words.host()?, words.at_most(u32::MAX)?),
            "rot" => Self::Rot(words.host()?, words.at_most(u32::MAX)?),
            "zero" => Self::Zero(words.host()?, words.at_most(u32::MAX)?),
            "truncate" => Self::Truncate(words.host()?, words.at_most(u32::MAX)?),
            "lose" => Self::Lose(words.host()?, words.at_most(u32::MAX)?),
            "unreadable" => Self::Unreadable(words.host()?, words.at_most(u32::MAX)?),
            "swap" => Self::Swap(words.host()?, words.at_most(u32::MAX)?),
            "clock" => Self::Clock(words.host()?, words.parse("milliseconds")?),
            "lie" => Self::Lie(words.host()?, words.word("a lie")?.to_owned()),
            _ => Self::of_pair(word, &mut words)?,
        };
        words.end()?;
        Ok(fault)
    }
}

impl Fault {
    fn of_pair(word: &str, words: &mut Words<'_>) -> Result<Self, String> {
        // The words of faults of one host are taken already.
        if !Self::WORDS.contains(&word) {
            return Err(format!("{word:?} is neither a host nor a fault"));
        }
        let (one, other) = (words.host()?, words.host()?);
        if one == other {
            return Err(format!("{word} needs two different hosts"));
        }
        Ok(match word {
            "cut" => Self::Cut(one, other),
            "cut-one-way" => Self::CutOneWay(one, other),
            "hold" => Self::Hold(one, other),
            "far" => Self::Far(one, other, words.millis()?),
            "lossy" => Self::Lossy(one, other, words.at_most(1000)?),
            "reset" => Self::Reset(one, other),
            "corrupt" => Self::Corrupt(one, other),
            "refuse" => Self::Link(one, other, Trouble::Refuse),
            "hang" => Self::Link(one, other, Trouble::Hang),
            "stall" => Self::Link(one, other, Trouble::Stall),
            "short" => Self::Link(one, other, Trouble::Short),
            "trickle" => Self::Link(one, other, Trouble::Trickle(words.at_most(u32::MAX)?)),
            _ => Self::Link(one, other, Trouble::Slow(words.millis()?)),
        })
    }
}

impl Words<'_> {
    fn millis(&mut self) -> Result<Duration, String> {
        self.at_most(60_000).map(|millis| Duration::from_millis(millis.into()))
    }
}

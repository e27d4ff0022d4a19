//! Calls as text: the words of a plan.

use std::fmt;
use std::str::FromStr;

use super::{Call, Reading, Source};
use crate::host::{HOSTS_MAX, name};
use crate::store::settings::Setting;
use crate::words::Words;

/// The largest file of a plan, in bytes.
const SIZE_MAX: u32 = 128 * 1024 * 1024;

/// The most files that one call stores: some pages of a list, and of every other one.
const MANY_MAX: u16 = 5_000;

/// The words of calls that are neither stores nor gets.
const OTHERS: [&str; 20] = [
    "store-many",
    "erase-many",
    "put-folder",
    "get-folder",
    "status",
    "delete",
    "delete-held",
    "erase",
    "erase-known",
    "stat",
    "holders",
    "verify",
    "list",
    "scrub",
    "forget",
    "allow",
    "restart",
    "convert",
    "recover",
    "restart-as",
];

/// Returns the first words of all calls.
#[must_use]
pub fn verbs() -> Vec<&'static str> {
    Source::NAMES.iter().chain(Reading::NAMES).chain(&OTHERS).copied().collect()
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { key, size, source } => write!(f, "{} {key} {size}", source.name()),
            Self::StoreMany(count) => write!(f, "store-many {count}"),
            Self::EraseMany => f.write_str("erase-many"),
            Self::PutFolder(count) => write!(f, "put-folder {count}"),
            Self::GetFolder => f.write_str("get-folder"),
            Self::Status => f.write_str("status"),
            Self::Get { key, reading } => write!(f, "{} {key}", reading.name()),
            Self::Delete { key, held_by: 0 } => write!(f, "delete {key}"),
            Self::Delete { key, held_by: 1 } => write!(f, "delete-held {key}"),
            Self::Delete { key, held_by } => write!(f, "delete-held {key} {held_by}"),
            Self::Erase { key, is_known: false } => write!(f, "erase {key}"),
            Self::Erase { key, is_known: true } => write!(f, "erase-known {key}"),
            Self::Stat { key } => write!(f, "stat {key}"),
            Self::Holders { key, is_whole: false } => write!(f, "holders {key}"),
            Self::Holders { key, is_whole: true } => write!(f, "verify {key}"),
            Self::List => f.write_str("list"),
            Self::Scrub => f.write_str("scrub"),
            Self::Forget(host) => write!(f, "forget {}", name(*host)),
            Self::Allow(host) => write!(f, "allow {}", name(*host)),
            Self::Restart => f.write_str("restart"),
            Self::Convert => f.write_str("convert"),
            Self::Recover => f.write_str("recover"),
            Self::RestartAs(setting) => write!(f, "restart-as {}", setting.name()),
        }
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Words::new(text);
        let word = words.word("a call")?;
        let call = if let Some(source) = Source::named(word) {
            let call = Self::Store { key: words.key()?, size: words.at_most(SIZE_MAX)?, source };
            if source.is_unlike_told() && matches!(call, Self::Store { size: 0, .. }) {
                return Err(format!("{word} needs a byte that does not come"));
            }
            call
        } else if let Some(reading) = Reading::named(word) {
            Self::Get { key: words.key()?, reading }
        } else {
            Self::other(word, &mut words)?
        };
        words.end()?;
        Ok(call)
    }
}

impl Call {
    fn other(word: &str, words: &mut Words<'_>) -> Result<Self, String> {
        Ok(match word {
            "delete" => Self::Delete { key: words.key()?, held_by: 0 },
            "delete-held" => Self::Delete { key: words.key()?, held_by: words.peers()? },
            "erase" | "erase-known" => Self::Erase { key: words.key()?, is_known: word == "erase-known" },
            "store-many" => Self::StoreMany(words.count("store-many")?),
            "erase-many" => Self::EraseMany,
            "put-folder" => Self::PutFolder(words.count("put-folder")?),
            "get-folder" => Self::GetFolder,
            "status" => Self::Status,
            "stat" => Self::Stat { key: words.key()? },
            "holders" | "verify" => Self::Holders { key: words.key()?, is_whole: word == "verify" },
            "list" => Self::List,
            "scrub" => Self::Scrub,
            "forget" => Self::Forget(words.host()?),
            "allow" => Self::Allow(words.host()?),
            "restart" => Self::Restart,
            "convert" => Self::Convert,
            "recover" => Self::Recover,
            "restart-as" => Self::RestartAs(words.setting()?),
            other => return Err(format!("{other:?} is not one of {}", verbs().join(", "))),
        })
    }
}

impl Words<'_> {
    fn count(&mut self, verb: &str) -> Result<u16, String> {
        let count = self.at_most(MANY_MAX.into())?;
        u16::try_from(count).ok().filter(|count| *count > 0).ok_or_else(|| format!("{verb} needs a file"))
    }

    /// Returns the next word as a number of peers; one if there is no word.
    fn peers(&mut self) -> Result<u8, String> {
        if self.is_end() {
            return Ok(1);
        }
        let word = self.word("a number of peers")?;
        let most = HOSTS_MAX - 1;
        let count = word.parse().ok().filter(|count| (1..=most).contains(&usize::from(*count)));
        count.ok_or_else(|| format!("{word:?} is not a number of peers, 1 to {most}"))
    }

    fn setting(&mut self) -> Result<Setting, String> {
        let word = self.word("a setting")?;
        Setting::named(word).ok_or_else(|| format!("{word:?} is not one of {}", Setting::NAMES.join(", ")))
    }

    fn key(&mut self) -> Result<u8, String> {
        self.parse("the number of a key, 0 to 255")
    }
}

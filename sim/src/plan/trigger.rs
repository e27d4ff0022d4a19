//! What a fault waits for, if it waits for no time: a call on a disk, a piece on a wire, or an event, by its number
//! (faults by location and not by time: Gunawi et al., "FATE and DESTINI", NSDI 2011).

use std::fmt;

use crate::disk::CallKind;
use crate::host::{Host, name};
use crate::words::Words;

/// A thing that a host does for the `number`th time since the run began. Its text stands in plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The host.
    pub host: Host,
    /// What it does.
    pub deed: Deed,
    /// Which of these deeds; 1 is the first.
    pub number: u64,
}

/// What a host does, as far as it can be counted from outside of its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Calls on its disk that may change something: all kinds but reads.
    Change,
    /// Calls of one kind on its disk.
    Call(CallKind),
    /// Hands a piece to the network.
    Sent,
    /// Reports an event that has these words in its line.
    Event(String),
}

/// The largest number of a deed.
const NUMBER_MAX: u32 = 1_000_000_000;

/// The word of [`Deed::Change`].
const CHANGE: &str = "change";

impl Trigger {
    /// Reads the rest of a line behind the word of the host, and returns what follows the trigger.
    pub(super) fn read(host: Host, text: &str) -> Result<(Self, String), String> {
        let mut words = Words::new(text);
        let deed = match words.word("change, sent, event or a kind of call")? {
            CHANGE => Deed::Change,
            "sent" => Deed::Sent,
            "event" => return Self::read_event(host, &words.rest()),
            kind => Deed::Call(kind.parse()?),
        };
        let number = number_of(&mut words)?;
        Ok((Self { host, deed, number }, words.rest()))
    }

    fn read_event(host: Host, text: &str) -> Result<(Self, String), String> {
        let quoted = text.strip_prefix('"').and_then(|text| text.split_once('"'));
        let (event, rest) =
            quoted.ok_or("the words of an event stand between quotation marks: event \"peer lost\" 1")?;
        if event.is_empty() {
            return Err("an event without words is none".to_owned());
        }
        let mut words = Words::new(rest);
        let number = number_of(&mut words)?;
        Ok((Self { host, deed: Deed::Event(event.to_owned()), number }, words.rest()))
    }
}

fn number_of(words: &mut Words<'_>) -> Result<u64, String> {
    match words.at_most(NUMBER_MAX)? {
        0 => Err("the first is 1".to_owned()),
        number => Ok(number.into()),
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", name(self.host), self.deed, self.number)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change => f.write_str(CHANGE),
            Self::Call(kind) => write!(f, "{kind}"),
            Self::Sent => f.write_str("sent"),
            Self::Event(words) => write!(f, "event \"{words}\""),
        }
    }
}

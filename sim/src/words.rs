//! The words of one line of a plan, and its times.

use std::str::FromStr;

use crate::host::{self, HOSTS_MAX, Host};

/// The words of a line that are not read yet.
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// Splits a text into words.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    /// Whether no word is left.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the next word.
    ///
    /// # Errors
    /// If there is none. `what` names what was expected.
    pub fn word(&mut self, what: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("{what} is missing at the end of the line"))
    }

    /// Returns the next word as a value.
    ///
    /// # Errors
    /// If the word is missing or is no such value.
    pub fn parse<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("{word:?} is not {what}"))
    }

    /// Returns the next word as a number up to a bound.
    ///
    /// # Errors
    /// If the word is missing, is no number, or is larger.
    pub fn at_most(&mut self, max: u32) -> Result<u32, String> {
        let number = self.parse("a number")?;
        if number <= max { Ok(number) } else { Err(format!("{number} is more than {max}")) }
    }

    /// Returns the next word as a host.
    ///
    /// # Errors
    /// If the word is missing or names no host.
    pub fn host(&mut self) -> Result<Host, String> {
        let word = self.word("a host")?;
        host::named(word).ok_or_else(|| format!("{word:?} is not a host, n0 to n{}", HOSTS_MAX - 1))
    }

    /// Returns the next word as a time in milliseconds: seconds with up to three decimals.
    ///
    /// # Errors
    /// If the word is missing or is no such time.
    pub fn time(&mut self) -> Result<u64, String> {
        time_of(self.word("a time in seconds")?)
    }

    /// Returns the words that are left, as they were written.
    #[must_use]
    pub fn rest(self) -> String {
        self.rest.to_owned()
    }

    /// Checks that no word is left.
    ///
    /// # Errors
    /// If one is.
    pub fn end(mut self) -> Result<(), String> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(format!("{word:?} is one word too many")),
        }
    }
}

/// Returns a word as a time in milliseconds: seconds with up to three decimals.
///
/// # Errors
/// If the word is no such time.
pub fn time_of(word: &str) -> Result<u64, String> {
    parse_time(word).ok_or_else(|| format!("{word:?} is not a time in seconds, such as 1.250, below {TIME_MAX_S}"))
}

/// The longest plan, in seconds of virtual time.
const TIME_MAX_S: u64 = 600;

fn parse_time(word: &str) -> Option<u64> {
    let (seconds, decimals) = word.split_once('.').unwrap_or((word, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || decimals.len() > 3 || !is_number(seconds) || !is_number(decimals) {
        return None;
    }
    let seconds: u64 = seconds.parse().ok().filter(|seconds| *seconds < TIME_MAX_S)?;
    let millis: u64 = format!("{decimals:0<3}").parse().ok()?;
    Some(seconds * 1000 + millis)
}

/// Shows a time as plans do.
#[must_use]
pub fn show_time(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

//! The calls on the register, and their words in a plan.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Write,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Write { "write" } else { "read" })
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Read, Self::Write].into_iter().find(|call| call.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is neither read nor write"))
    }
}

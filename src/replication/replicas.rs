//! How many peers are to hold each file of a node, as a setting. Choosing the peers is left to
//! [`Placement`](super::Placement).

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::limits::PEERS_MAX;

/// How many peers are to hold each file of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replicas {
    /// Every connected peer.
    #[default]
    All,
    /// This many peers, or all if fewer are connected.
    Count(NonZeroUsize),
}

/// A text that is neither the word for all nor a count within the bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither all nor a number from 1 to {PEERS_MAX}")]
pub struct ReplicasError {
    /// The text that was refused.
    pub text: String,
}

impl Replicas {
    /// Returns how many peers are to hold each file; `None` if all are.
    #[must_use]
    pub fn count(self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Count(count) => Some(count.get()),
        }
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl FromStr for Replicas {
    type Err = ReplicasError;

    fn from_str(text: &str) -> Result<Self, ReplicasError> {
        if text == "all" {
            return Ok(Self::All);
        }
        let count = text.parse().ok().and_then(NonZeroUsize::new).filter(|count| count.get() <= PEERS_MAX);
        count.map(Self::Count).ok_or_else(|| ReplicasError { text: text.to_owned() })
    }
}

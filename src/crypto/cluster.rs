//! The cluster as a value: its secret, or the word that it is open to everybody. Entering a cluster is left to
//! `membership`.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::hex::{self, HexError};
use super::keys::ClusterSecret;

/// The word for a cluster without a secret.
const OPEN: &str = "open";

/// Which nodes a cluster lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// The nodes that have the secret.
    Closed(ClusterSecret),
    /// Every node that reaches the port.
    Open,
}

impl Cluster {
    /// Returns the secret that is mixed into every handshake. An open cluster has a well-known one.
    #[must_use]
    pub fn secret(&self) -> ClusterSecret {
        match self {
            Self::Closed(secret) => secret.clone(),
            Self::Open => ClusterSecret::open(),
        }
    }

    /// Returns the secret as hex digits, or the word for an open cluster. Show it only to people who are to have the
    /// secret.
    #[must_use]
    pub fn word(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Closed(secret) => hex::encode(&secret.0),
            Self::Open => OPEN.to_owned(),
        })
    }
}

impl FromStr for Cluster {
    type Err = HexError;

    /// Reads what [`word`](Self::word) returns.
    fn from_str(word: &str) -> Result<Self, HexError> {
        if word == OPEN { Ok(Self::Open) } else { word.parse().map(Self::Closed) }
    }
}

//! Who gets into a cluster: those who have its secret, or everybody.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::hex::{self, HexError};
use super::keys::ClusterSecret;

/// The word for a cluster without a secret.
const OPEN: &str = "open";

/// Who gets through the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// Those who have the secret.
    Closed(ClusterSecret),
    /// Everybody who reaches the port.
    Open,
}

impl Cluster {
    /// What goes into every handshake.
    #[must_use]
    pub fn secret(&self) -> ClusterSecret {
        match self {
            Self::Closed(secret) => secret.clone(),
            Self::Open => ClusterSecret::open(),
        }
    }

    /// The secret as text, or the word that there is none. Shown to those only who are to have it.
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

    /// Reads what [`word`](Self::word) gives.
    fn from_str(word: &str) -> Result<Self, HexError> {
        if word == OPEN { Ok(Self::Open) } else { word.parse().map(Self::Closed) }
    }
}

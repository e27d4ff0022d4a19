//! How many peers hold a file of this node's, and which.

use std::fmt;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::str::FromStr;

use super::peers::Peer;
use super::{Inner, Stream};
use crate::crypto::{HashedKey, Placement};
use crate::limits::PEERS_MAX;
use crate::platform::Platform;

/// How many peers are to hold each file of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replicas {
    /// Every connected one.
    #[default]
    All,
    /// So many, or all where fewer are connected.
    Count(NonZeroUsize),
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let count = text.parse().ok().and_then(NonZeroUsize::new).filter(|count| count.get() <= PEERS_MAX);
        count.map(Self::Count).ok_or_else(|| format!("{text:?} is neither all nor a number from 1 to {PEERS_MAX}"))
    }
}

impl<P: Platform> Inner<P> {
    /// The connected peers that a new version of a file goes to.
    pub(super) fn holders_of(&self, hashed: HashedKey) -> Vec<Rc<Peer<Stream<P>>>> {
        let connected = self.peers.connected();
        match self.replicas {
            Replicas::All => connected,
            Replicas::Count(count) => {
                let placement = Placement::new(connected.iter().map(|peer| peer.id), count);
                connected.into_iter().filter(|peer| placement.has(hashed, peer.id)).collect()
            }
        }
    }

    /// Who is to hold what in the long run; none where all hold all. Those that were lost a short time ago still count, so
    /// that a peer that starts again moves nothing.
    pub(super) fn placement(&self) -> Option<Placement> {
        match self.replicas {
            Replicas::All => None,
            Replicas::Count(count) => Some(Placement::new(self.peers.members(), count)),
        }
    }
}

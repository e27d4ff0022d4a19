//! Which peers are to hold a file, if not all are: rendezvous hashing (Thaler and Ravishankar, 1998). For each peer a
//! number is computed from the name of the file and the id of the peer, and the peers with the highest numbers hold the
//! file. So a peer that joins takes over only the files that it is to hold, and when a peer leaves, only its files are
//! placed anew. Pure.

use std::cmp::Reverse;
use std::num::NonZeroUsize;

use super::summary::Entry;
use crate::crypto::{NodeId, ReplicaName};

/// A rule that says which of some peers hold a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    members: Vec<NodeId>,
    count: NonZeroUsize,
}

impl Placement {
    /// Makes the placement of each file on `count` of these peers, or on all of them if there are fewer.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = NodeId>, count: NonZeroUsize) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        Self { members, count }
    }

    /// Returns the peers that are to hold a file, the first choice first.
    #[must_use]
    pub fn of(&self, replica_name: ReplicaName) -> Vec<NodeId> {
        let mut members = self.members.clone();
        members.sort_by_cached_key(|member| Reverse((weight(replica_name, *member), *member)));
        members.truncate(self.count.get());
        members
    }

    /// Whether a peer is to hold a file.
    #[must_use]
    pub fn has(&self, replica_name: ReplicaName, peer: NodeId) -> bool {
        let of = |member: &NodeId| (weight(replica_name, *member), *member);
        let its = of(&peer);
        self.members.contains(&peer) && self.members.iter().filter(|member| of(member) > its).count() < self.count.get()
    }
}

impl Placement {
    /// Whether a peer is to have an entry of the own catalog. Every peer is to have the entry of a deleted file.
    #[must_use]
    pub fn wants(&self, entry: &Entry, peer: NodeId) -> bool {
        entry.is_deleted() || self.has(entry.replica_name, peer)
    }
}

fn weight(replica_name: ReplicaName, member: NodeId) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&replica_name.0);
    hasher.update(&member.0);
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

//! What a liar claims to hold: newer versions of what it was given, and files that there never were.

use std::collections::BTreeMap;

use dacapo::crypto::{Iv, NodeId, ReplicaName, Seal, Version};
use dacapo::limits::{LEAF_PAGE_MAX, UNLIKE_LEAVES_MAX};
use dacapo::protocol::Message;
use dacapo::replication::{Entry, Leaf, Print, Summary};
use dacapo::seed::Rng;
use dacapo::time::UnixMillis;

use super::lie::Lie;
use super::state::Liar;
use crate::store::bug::Bug;
use crate::store::scripted_peer::Replica;

/// The leaves in a row that a node asks for without sending or getting anything. A node with hundreds of files may find
/// one that it must not send yet in many of them.
const LEAVES_MAX: usize = 32 * UNLIKE_LEAVES_MAX;

/// The invented version.
const NEWER: u64 = 1 << 45;

impl Liar {
    /// Answers a question about the files of the asking peer that the liar claims to hold. Returns `None` for other
    /// questions.
    pub(super) fn invent(&self, owner: NodeId, question: &Message) -> Option<Message> {
        Some(match question {
            Message::Summarise { .. } if matches!(self.lie, Lie::Bottomless | Lie::FalseSummary) => {
                Message::Summary(vec![self.other_print(); 64])
            }
            Message::ListLeaf { leaf, after } if self.lie == Lie::Bottomless => {
                Message::Leaf(self.next_names(owner, Leaf::from_number(*leaf)?, *after))
            }
            Message::Summarise { group: None } => Message::Summary(self.summary(owner).groups()),
            Message::Summarise { group: Some(group) } => Message::Summary(self.summary(owner).group(*group)?),
            Message::ListLeaf { leaf, after } => Message::Leaf(self.leaf(owner, Leaf::from_number(*leaf)?, *after)),
            Message::CheckFile { replica_name } | Message::VerifyFile { replica_name }
                if self.lie != Lie::FalseSummary =>
            {
                let Replica { seal, bytes, .. } = self.forge(owner, *replica_name);
                let iv = Iv(*bytes.first_chunk()?);
                Message::Checked { seal, iv, verified: UnixMillis(0) }
            }
            _ => return None,
        })
    }

    /// Returns what the liar sends with a heartbeat about what it holds.
    pub(super) fn held(&self, owner: NodeId) -> Option<Print> {
        match self.lie {
            Lie::FalseInventory => Some(self.summary(owner).print()),
            Lie::Bottomless | Lie::FalseSummary => Some(self.other_print()),
            _ => None,
        }
    }

    /// Returns a print that no summary has had before.
    fn other_print(&self) -> Print {
        let mut name = [0; 16];
        self.lane.borrow_mut().fill_bytes(&mut name);
        let mut summary = Summary::default();
        summary.add(&Entry::deleted(ReplicaName(name), Version(NEWER)));
        summary.print()
    }

    /// Returns a full page of a leaf, whatever pages came before it.
    fn next_names(&self, owner: NodeId, leaf: Leaf, after: Option<ReplicaName>) -> Vec<Entry> {
        let first = u128::from_be_bytes(after.unwrap_or(leaf.range().0).0);
        let names = (1..).map(|further| ReplicaName((first.wrapping_add(further)).to_be_bytes()));
        let entry = |replica_name| Entry::file(replica_name, &self.forge(owner, replica_name).seal);
        names.take(LEAF_PAGE_MAX).map(entry).collect()
    }

    fn summary(&self, owner: NodeId) -> Summary {
        let mut summary = Summary::default();
        self.entries(owner).iter().for_each(|entry| summary.add(entry));
        summary
    }

    fn leaf(&self, owner: NodeId, leaf: Leaf, after: Option<ReplicaName>) -> Vec<Entry> {
        let is_there = |entry: &Entry| {
            Leaf::of(entry.replica_name) == leaf && after.is_none_or(|after| entry.replica_name > after)
        };
        self.entries(owner).into_iter().filter(is_there).take(LEAF_PAGE_MAX).collect()
    }

    /// Returns the entries of all files that the liar claims to hold, in the order of their names.
    fn entries(&self, owner: NodeId) -> Vec<Entry> {
        let replicas = self.replicas.borrow();
        let held = replicas.iter().filter(|replica| replica.owner == owner);
        if self.lie == Lie::FalseSummary {
            // What came last under a name counts.
            let given: BTreeMap<_, _> = held.map(|replica| (replica.replica_name, &replica.seal)).collect();
            return given.into_iter().map(|(replica_name, seal)| Entry::file(replica_name, seal)).collect();
        }
        let mut names: Vec<_> = held.map(|replica| replica.replica_name).chain([ReplicaName([0x5a; 16])]).collect();
        names.sort();
        names.dedup();
        let entry = |replica_name| Entry::file(replica_name, &self.forge(owner, replica_name).seal);
        names.into_iter().map(entry).collect()
    }

    /// Notes that a node asks on about a summary of which nothing is so, or that it asks for something else.
    pub(super) fn count_leaves(&self, asking: NodeId, question: &Message) {
        let mut listed = self.listed.borrow_mut();
        let count = listed.entry(asking).or_default();
        *count = if matches!(question, Message::ListLeaf { .. }) { *count + 1 } else { 0 };
        if self.lie == Lie::FalseSummary && *count > LEAVES_MAX {
            self.clients.exceeded(asking, "goes through all that a peer claims, and the peer lists nothing of it");
        }
    }

    /// Makes the replica that the liar claims to hold under a name: bytes and a version that there never were. The
    /// seal is worthless, unless the keys of the owner are stolen.
    pub(super) fn forge(&self, owner: NodeId, replica_name: ReplicaName) -> Replica {
        let mut forged = Replica::unsealed(owner, replica_name, Version(NEWER), vec![5; 100]);
        let replicas = self.replicas.borrow();
        let held = replicas.iter().rfind(|replica| replica.owner == owner && replica.replica_name == replica_name);
        let any = held.or_else(|| replicas.iter().rfind(|replica| replica.owner == owner));
        if let (Some(any), Some(keys)) = (any, self.stolen_keys(owner, Bug::InventorySigned)) {
            let Seal { size, digest, .. } = forged.seal;
            // The owner would not believe that it has made a version that it never reserved, and one that is far ahead
            // of its own makes it go on behind that one.
            let version = held.map_or(Version(NEWER), |held| Version(held.seal.version.0.saturating_add(1)));
            forged.seal = Seal::new(&keys, replica_name, version, size, digest, any.seal.metadata.clone());
        }
        forged
    }
}

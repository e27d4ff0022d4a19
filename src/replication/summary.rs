//! A summary of a set of files: short enough to go with every heartbeat, and fine enough to find what differs between
//! two sets without a list of what agrees.
//!
//! The set is cut into 4,096 leaves by the first 12 bits of the replica names, which are uniform, and 64 adjacent
//! leaves are a group. The print of a set is the sum of its entries' prints modulo 2^128, so that adding or removing
//! an entry costs one addition (AdHash: Bellare and Micciancio, 1997). Two sets with equal prints are taken to be
//! equal: prints find what is missing by accident, and prove nothing against a peer that lies about what it holds.

use serde::{Deserialize, Serialize};

use crate::crypto::{ReplicaName, Seal, Version};

/// Leaves of a summary. Chosen: 64 KiB of memory, and 25 entries in a leaf of 100,000 files.
const LEAVES: usize = 4096;
/// Leaves in a group, whose prints are sent in one message of 1 KiB.
const GROUP: usize = 64;

/// The print of a set of entries; zero for an empty set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print(u128);

/// The number of a leaf, 0 to 4,095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf(u16);

/// One file in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name of the file.
    pub replica_name: ReplicaName,
    /// The version of the file, or of its deletion.
    pub version: Version,
    /// The first eight bytes of a hash of the whole seal; zeros if the file is deleted.
    pub mark: [u8; 8],
}

/// The summary of a set.
#[derive(Clone, PartialEq, Eq)]
pub struct Summary {
    leaves: Vec<Print>,
}

impl Entry {
    /// Makes the entry of a file that is there.
    #[must_use]
    pub fn file(replica_name: ReplicaName, seal: &Seal) -> Self {
        let mark = *seal.hash().as_bytes().first_chunk().expect("a hash has 32 bytes");
        Self { replica_name, version: seal.version, mark }
    }

    /// Makes the entry of a file that was deleted everywhere.
    #[must_use]
    pub fn deleted(replica_name: ReplicaName, version: Version) -> Self {
        Self { replica_name, version, mark: [0; 8] }
    }

    /// Whether the entry says that the file was deleted everywhere.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.mark == [0; 8]
    }

    fn print(&self) -> u128 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.replica_name.0);
        hasher.update(&self.version.0.to_le_bytes());
        hasher.update(&self.mark);
        u128::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

impl Leaf {
    /// Returns the leaf that a name belongs to.
    #[must_use]
    pub fn of(replica_name: ReplicaName) -> Self {
        Self(u16::from_be_bytes([replica_name.0[0], replica_name.0[1]]) >> 4)
    }

    /// Returns the leaf with this number; `None` if there is none.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        (usize::from(number) < LEAVES).then_some(Self(number))
    }

    /// Returns the number of the leaf.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// Returns the group that the leaf is in.
    #[must_use]
    pub fn group(self) -> u8 {
        u8::try_from(usize::from(self.0) / GROUP).expect("there are 64 groups")
    }

    /// Returns the first and the last name that can belong to the leaf.
    #[must_use]
    pub fn range(self) -> (ReplicaName, ReplicaName) {
        let (mut first, mut last) = ([0; 16], [0xff; 16]);
        first[..2].copy_from_slice(&(self.0 << 4).to_be_bytes());
        last[..2].copy_from_slice(&(self.0 << 4 | 0xf).to_be_bytes());
        (ReplicaName(first), ReplicaName(last))
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self { leaves: vec![Print::default(); LEAVES] }
    }
}

impl Summary {
    /// Adds an entry.
    pub fn add(&mut self, entry: &Entry) {
        let leaf = self.leaf(entry.replica_name);
        leaf.0 = leaf.0.wrapping_add(entry.print());
    }

    /// Removes an entry that was added before.
    pub fn remove(&mut self, entry: &Entry) {
        let leaf = self.leaf(entry.replica_name);
        leaf.0 = leaf.0.wrapping_sub(entry.print());
    }

    fn leaf(&mut self, replica_name: ReplicaName) -> &mut Print {
        &mut self.leaves[usize::from(Leaf::of(replica_name).0)]
    }

    /// Returns the print of the whole set.
    #[must_use]
    pub fn print(&self) -> Print {
        sum(&self.leaves)
    }

    /// Returns the prints of the 64 groups.
    #[must_use]
    pub fn groups(&self) -> Vec<Print> {
        self.leaves.chunks(GROUP).map(sum).collect()
    }

    /// Returns the prints of the leaves of a group; `None` if there is no such group.
    #[must_use]
    pub fn group(&self, group: u8) -> Option<Vec<Print>> {
        self.leaves.chunks(GROUP).nth(group.into()).map(<[Print]>::to_vec)
    }
}

/// Returns the groups in which two lists of group prints differ.
#[must_use]
pub fn differing_groups(ours: &[Print], theirs: &[Print]) -> Vec<u8> {
    differing(ours, theirs).filter_map(|index| u8::try_from(index).ok()).collect()
}

/// Returns the leaves of a group in which two lists of leaf prints differ.
#[must_use]
pub fn differing_leaves(group: u8, ours: &[Print], theirs: &[Print]) -> Vec<Leaf> {
    let number = |index: usize| u16::try_from(usize::from(group) * GROUP + index).ok();
    differing(ours, theirs).filter_map(|index| Leaf::from_number(number(index)?)).collect()
}

/// Returns the places where two lists differ. A print that one list lacks counts as zero.
fn differing(ours: &[Print], theirs: &[Print]) -> impl Iterator<Item = usize> {
    let at = |prints: &[Print], index: usize| prints.get(index).copied().unwrap_or_default();
    (0..GROUP).filter(move |index| at(ours, *index) != at(theirs, *index))
}

fn sum(prints: &[Print]) -> Print {
    Print(prints.iter().fold(0, |sum, print| sum.wrapping_add(print.0)))
}

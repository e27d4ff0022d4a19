//! Tells how what a peer holds differs from what is current: pure functions over entries.

use crate::crypto::ReplicaName;
use crate::replication::Entry;

/// How the peer's replica of one file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The peer has nothing.
    Lacks(Entry),
    /// The peer has something older.
    IsBehind(Entry),
    /// The peer has something else under the same version.
    Conflicts(Entry),
    /// The peer has something that the own catalog does not know, or something newer.
    KnowsMore(Entry),
    /// The peer holds a replica that is placed on other peers.
    IsPlacedElsewhere(Entry),
}

impl Difference {
    /// Returns the entry that differs.
    pub(super) fn entry(self) -> Entry {
        match self {
            Self::Lacks(entry)
            | Self::IsBehind(entry)
            | Self::Conflicts(entry)
            | Self::KnowsMore(entry)
            | Self::IsPlacedElsewhere(entry) => entry,
        }
    }
}

/// Returns what differs between two leaves, both in the order of the names. `is_to_hold` tells whether the peer is to
/// hold one of our entries.
pub(super) fn differences(ours: &[Entry], theirs: &[Entry], is_to_hold: impl Fn(&Entry) -> bool) -> Vec<Difference> {
    let find = |entries: &[Entry], replica_name: ReplicaName| {
        entries.binary_search_by_key(&replica_name, |entry| entry.replica_name).ok().map(|index| entries[index])
    };
    let lacking = ours.iter().filter_map(|our| match (find(theirs, our.replica_name), is_to_hold(our)) {
        (Some(their), _) if their.version > our.version => Some(Difference::KnowsMore(their)),
        (Some(their), true) if their == *our => None,
        (Some(their), true) if their.version == our.version => Some(Difference::Conflicts(*our)),
        (Some(their), false) => Some(Difference::IsPlacedElsewhere(their)),
        (Some(their), true) if !their.is_deleted() => Some(Difference::IsBehind(*our)),
        (_, true) => Some(Difference::Lacks(*our)),
        (None, false) => None,
    });
    let unknown = theirs.iter().filter(|their| find(ours, their.replica_name).is_none());
    lacking.chain(unknown.map(|their| Difference::KnowsMore(*their))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Version;

    fn entry(name: u8, version: u64) -> Entry {
        Entry { replica_name: ReplicaName([name; 16]), version: Version(version), mark: [1; 8] }
    }

    #[test]
    fn the_newer_of_two_counts_and_what_one_side_lacks_is_found() {
        let ours = [entry(1, 5), entry(2, 5), entry(3, 5), entry(4, 5), entry(6, 5)];
        let theirs = [entry(1, 5), entry(2, 4), entry(3, 6), entry(5, 1), Entry { mark: [2; 8], ..entry(6, 5) }];
        let found = differences(&ours, &theirs, |_| true);
        let expected = [
            Difference::IsBehind(entry(2, 5)),
            Difference::KnowsMore(entry(3, 6)),
            Difference::Lacks(entry(4, 5)),
            Difference::Conflicts(entry(6, 5)),
            Difference::KnowsMore(entry(5, 1)),
        ];
        assert_eq!(found, expected);
        let found = differences(&ours, &theirs, |_| false);
        let expected = [
            Difference::IsPlacedElsewhere(entry(1, 5)),
            Difference::IsPlacedElsewhere(entry(2, 4)),
            Difference::KnowsMore(entry(3, 6)),
            Difference::IsPlacedElsewhere(Entry { mark: [2; 8], ..entry(6, 5) }),
            Difference::KnowsMore(entry(5, 1)),
        ];
        assert_eq!(found, expected, "what is placed elsewhere is not lacking, and what is newer is learnt");
    }
}

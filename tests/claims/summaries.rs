//! Summaries find the leaves in which two sets of entries differ, and no others.

use dacapo::crypto::{ReplicaName, Version};
use dacapo::replication::{Entry, Leaf, Print, Summary};
use dacapo::replication::{differing_groups, differing_leaves};
use proptest::prelude::*;

fn entry() -> impl Strategy<Value = Entry> {
    (any::<[u8; 16]>(), any::<u64>(), any::<[u8; 8]>()).prop_map(|(replica_name, version, mark)| Entry {
        replica_name: ReplicaName(replica_name),
        version: Version(version),
        mark,
    })
}

fn summary(entries: &[Entry]) -> Summary {
    let mut summary = Summary::default();
    entries.iter().for_each(|entry| summary.add(entry));
    summary
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_differs_is_found_in_its_leaf_and_nowhere_else(
        common in prop::collection::vec(entry(), 0..50),
        more in prop::collection::vec(entry(), 0..4),
    ) {
        let ours = summary(&[common.clone(), more.clone()].concat());
        let theirs = summary(&common);
        let mut found: Vec<Leaf> = differing_groups(&ours.groups(), &theirs.groups())
            .into_iter()
            .flat_map(|group| {
                let prints = |summary: &Summary| summary.group(group).expect("there are 64 groups");
                differing_leaves(group, &prints(&ours), &prints(&theirs))
            })
            .collect();
        let mut expected: Vec<_> = more.iter().map(|entry| Leaf::of(entry.replica_name)).collect();
        expected.sort_unstable();
        expected.dedup();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(ours.print() == theirs.print(), more.is_empty());
    }

    #[test]
    fn what_is_removed_leaves_no_trace(entries in prop::collection::vec(entry(), 0..20)) {
        let mut ours = summary(&entries);
        entries.iter().rev().for_each(|entry| ours.remove(entry));
        prop_assert_eq!(ours.print(), Print::default());
    }

    #[test]
    fn a_name_lies_in_the_range_of_its_leaf(entry in entry()) {
        let (first, last) = Leaf::of(entry.replica_name).range();
        prop_assert!(first <= entry.replica_name && entry.replica_name <= last);
    }
}

use tokio::io::DuplexStream;

use super::*;
use crate::node::owner::get::Purpose;
use crate::node::tests::{Idle, run};
use crate::store::tests::{Place, key};

/// Returns a search in which these peers were asked.
fn search(asked: u8, is_known: bool) -> Search<DuplexStream> {
    let (place, key) = (Place::new(), key("a"));
    let record = is_known.then(|| place.own(&key, Version(1), b""));
    let (file, replica_name) = (key.file_name(), place.keys.replica_name(&key));
    let asked = (1..=asked).map(|peer| NodeId([peer; 32])).collect();
    Search::new(Wanted { key, file, replica_name, record, purpose: Purpose::Copy }, asked)
}

/// Returns so many peers that are away.
fn away(count: u8) -> Vec<Unasked> {
    let unasked = |number| Unasked { peer: Some(NodeId([number; 32])), address: None, reason: "it is away".to_owned() };
    (0xa1..0xa1 + count).map(unasked).collect()
}

/// Asserts that a search fails because these peers, of so many, could not be asked.
fn assert_unreachable(search: &Search<DuplexStream>, count_away: u8, expected: &str) {
    let error = search.failure(away(count_away));
    assert!(matches!(error, GetError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("not found so far: {expected}"));
}

#[test]
fn a_search_without_a_find_says_what_there_is_and_who_was_not_reached() {
    let none = |asked, is_known| search(asked, is_known).failure(away(0));
    assert!(matches!(none(3, false), GetError::NotFound { asked: 3 }));
    assert!(matches!(none(3, true), GetError::NoCopy { asked: 3 }));
    let mut search = search(3, true);
    let two = "2 of 5 peers could not be asked: a1a1a1a1 (it is away), a2a2a2a2 (it is away)";
    assert_unreachable(&search, 2, two);
    search.failed.insert(NodeId([1; 32]), "it stalled".to_owned());
    assert_unreachable(&search, 0, "1 of 3 peers could not be asked: 01010101 (it stalled)");
    let both = "2 of 4 peers could not be asked: 01010101 (it stalled), a1a1a1a1 (it is away)";
    assert_unreachable(&search, 1, both);
    search.stale = 1;
    assert!(matches!(search.failure(away(2)), GetError::Stale { stale: 1, unreachable: 3 }));
    search.damaged = 1;
    assert!(matches!(search.failure(away(0)), GetError::Damaged { damaged: 1, unreachable: 1 }));
}

#[test]
fn what_each_peer_answers_counts_as_what_it_is() {
    run(async {
        let (node, peer, mut search) = (Idle::new(), NodeId([1; 32]), search(5, true));
        let stalled = FetchAnswer::Failed("it stalled".to_owned());
        for answer in [FetchAnswer::NotFound, FetchAnswer::Deleted(Version(1)), stalled] {
            search.count(&node.context, peer, answer);
        }
        assert_unreachable(&search, 0, "1 of 5 peers could not be asked: 01010101 (it stalled)");
        search.count(&node.context, peer, FetchAnswer::Stale(Version(1)));
        assert!(matches!(search.failure(away(0)), GetError::Stale { stale: 1, unreachable: 1 }));
        search.count(&node.context, peer, FetchAnswer::Damaged);
        assert!(matches!(search.failure(away(0)), GetError::Damaged { damaged: 1, unreachable: 1 }));
        assert_eq!(node.told().len(), 5);
    });
}

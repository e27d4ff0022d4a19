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

#[test]
fn a_search_without_a_find_says_what_there_is_and_who_was_not_reached() {
    let none = |asked, is_known| search(asked, is_known).failure(0);
    assert!(matches!(none(3, false), GetError::NotFound { asked: 3 }));
    assert!(matches!(none(3, true), GetError::NoCopy { asked: 3 }));
    let mut search = search(3, true);
    assert!(matches!(search.failure(2), GetError::Unreachable { unreachable: 2, peers: 5 }));
    search.failed = 1;
    assert!(matches!(search.failure(0), GetError::Unreachable { unreachable: 1, peers: 3 }));
    assert!(matches!(search.failure(2), GetError::Unreachable { unreachable: 3, peers: 5 }));
    search.stale = 1;
    assert!(matches!(search.failure(2), GetError::Stale { stale: 1, unreachable: 3 }));
    search.damaged = 1;
    assert!(matches!(search.failure(0), GetError::Damaged { damaged: 1, unreachable: 1 }));
}

#[test]
fn what_each_peer_answers_counts_as_what_it_is() {
    run(async {
        let (node, peer, mut search) = (Idle::new(), NodeId([1; 32]), search(5, true));
        for answer in [FetchAnswer::NotFound, FetchAnswer::Deleted(Version(1)), FetchAnswer::Failed(String::new())] {
            search.count(&node.context, peer, answer);
        }
        assert!(matches!(search.failure(0), GetError::Unreachable { unreachable: 1, peers: 5 }));
        search.count(&node.context, peer, FetchAnswer::Stale(Version(1)));
        assert!(matches!(search.failure(0), GetError::Stale { stale: 1, unreachable: 1 }));
        search.count(&node.context, peer, FetchAnswer::Damaged);
        assert!(matches!(search.failure(0), GetError::Damaged { damaged: 1, unreachable: 1 }));
        assert_eq!(node.told().len(), 5);
    });
}

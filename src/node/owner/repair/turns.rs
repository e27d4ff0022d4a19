//! The order in which a repair looks at what differs, so that a file at which repairs end does not keep the rest
//! waiting; and for how long the repair of one file keeps others waiting.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::crypto::ReplicaName;
use crate::replication::Leaf;

/// After this time the repair of a file gives its place to another one, and goes on as one of those that its peer may
/// have. Chosen: a hundred MiB move within it on a good line.
const TURN: Duration = Duration::from_secs(10);

/// Which names of a leaf are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Behind(ReplicaName),
    UpTo(ReplicaName),
}

impl Part {
    pub(super) fn has(self, name: ReplicaName) -> bool {
        match self {
            Self::All => true,
            Self::Behind(last) => name > last,
            Self::UpTo(last) => name <= last,
        }
    }
}

/// Returns the order in which leaves are looked at: from the name on at which the last repair ended, and around.
pub(super) fn in_turn(mut leaves: Vec<Leaf>, ended_at: Option<ReplicaName>) -> Vec<(Leaf, Part)> {
    let Some(name) = ended_at else { return leaves.into_iter().map(|leaf| (leaf, Part::All)).collect() };
    let cut = Leaf::of(name);
    // Behind the last name that a leaf can have there is nothing of it.
    let is_past = cut.range().1 == name;
    let first = leaves.partition_point(|leaf| *leaf < cut || (is_past && *leaf == cut));
    leaves.rotate_left(first);
    let is_cut = leaves.first() == Some(&cut) && !is_past;
    let mut parts: Vec<_> = leaves.into_iter().map(|leaf| (leaf, Part::All)).collect();
    if is_cut {
        parts[0].1 = Part::Behind(name);
        parts.push((cut, Part::UpTo(name)));
    }
    parts
}

/// Returns the name behind which a repair begins that is to begin at this one.
pub(super) fn just_before(name: ReplicaName) -> ReplicaName {
    ReplicaName(u128::from_be_bytes(name.0).saturating_sub(1).to_be_bytes())
}

/// Does the repair of a file to its end, and holds its place among all for one turn only: a peer that crawls holds up
/// no other peer.
pub(super) async fn for_a_turn<T>(repair: impl Future<Output = T>, place: impl Sized) -> T {
    let mut repair = pin!(repair);
    let done = timeout(TURN, &mut repair).await;
    drop(place);
    match done {
        Ok(done) => done,
        Err(_) => repair.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_that_ended_early_is_followed_by_the_rest_and_comes_around() {
        let leaf = |name: u8| Leaf::of(ReplicaName([name; 16]));
        let (leaves, name) = (vec![leaf(1), leaf(2), leaf(3)], ReplicaName([2; 16]));
        let all = |leaf| (leaf, Part::All);
        assert_eq!(in_turn(leaves.clone(), None), [all(leaf(1)), all(leaf(2)), all(leaf(3))]);
        let turn = [(leaf(2), Part::Behind(name)), all(leaf(3)), all(leaf(1)), (leaf(2), Part::UpTo(name))];
        assert_eq!(in_turn(leaves, Some(name)), turn);
        assert_eq!(in_turn(vec![leaf(1), leaf(3)], Some(name)), [all(leaf(3)), all(leaf(1))]);
        assert_eq!(in_turn(Vec::new(), Some(name)), []);
    }

    #[test]
    fn a_leaf_that_a_repair_did_not_get_past_comes_last() {
        let leaf = |name: u8| Leaf::of(ReplicaName([name; 16]));
        let turns = |leaves, at: u8| in_turn(leaves, Some(leaf(at).range().1)).into_iter();
        assert!(turns(vec![leaf(1), leaf(2), leaf(3)], 2).eq([3, 1, 2].map(|at| (leaf(at), Part::All))));
        assert!(turns(vec![leaf(1), leaf(2)], 2).eq([1, 2].map(|at| (leaf(at), Part::All))));
        assert!(turns(vec![leaf(2)], 2).eq([(leaf(2), Part::All)]), "nothing else is left");
    }
}

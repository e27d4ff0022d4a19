//! Where peers that are away are said to be: by other peers, and by what this node remembers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::crypto::NodeId;
use crate::limits::SEEK_RETRY;
use crate::transport::Address;

/// A place to look for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) struct Hint {
    pub(in crate::node) peer: NodeId,
    pub(in crate::node) address: Address,
    /// Which peer says so; `None` if this node remembers it.
    pub(in crate::node) from: Option<NodeId>,
}

/// The hints that wait to be followed, one of each source about each peer. About one peer they are followed one after
/// the other: those of all sources in turn, so that whoever names wrong places keeps nobody from the right one. The
/// peers take turns as well, so that none is kept from being found by many others that are away.
#[derive(Default)]
pub(in crate::node) struct Hints {
    about: RefCell<BTreeMap<NodeId, About>>,
    /// How many turns were given out.
    turns: Cell<u64>,
    changed: Notify,
}

/// What was said about one peer.
#[derive(Default)]
struct About {
    /// The turn at which a hint was followed last, or at which the first one came. No two peers have the same.
    turn: u64,
    is_followed: bool,
    /// The last word of each source, that of this node first.
    words: BTreeMap<Option<NodeId>, Word>,
    /// Where the peer was looked for a short time ago.
    tried: Vec<(Address, Instant)>,
}

struct Word {
    address: Address,
    at: Instant,
    followed: Option<Instant>,
}

impl Hints {
    /// Takes note of a hint, in place of the last one of the same source.
    pub(super) fn note(&self, hint: Hint) {
        let mut about = self.about.borrow_mut();
        let first = || About { turn: self.next_turn(), ..About::default() };
        let words = &mut about.entry(hint.peer).or_insert_with(first).words;
        let followed = words.get(&hint.from).and_then(|word| word.followed);
        words.insert(hint.from, Word { address: hint.address, at: Instant::now(), followed });
        self.changed.notify_one();
    }

    /// Waits for the next hint. No other one about the same peer is given until [`done`](Self::done).
    pub(in crate::node) async fn next(&self) -> Hint {
        loop {
            let hint = self.take();
            match hint {
                Some(hint) => return hint,
                None => self.changed.notified().await,
            }
        }
    }

    /// Notes that a hint was followed.
    pub(in crate::node) fn done(&self, peer: NodeId) {
        if let Some(about) = self.about.borrow_mut().get_mut(&peer) {
            about.is_followed = false;
        }
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Hint> {
        let mut about = self.about.borrow_mut();
        about.retain(|_, about| about.forget());
        let due = about.iter_mut().filter(|(_, about)| about.is_due());
        let (peer, about) = due.min_by_key(|(_, about)| about.turn)?;
        about.turn = self.next_turn();
        let (from, address) = about.take()?;
        Some(Hint { peer: *peer, address, from })
    }

    fn next_turn(&self) -> u64 {
        self.turns.set(self.turns.get() + 1);
        self.turns.get()
    }
}

impl About {
    /// Forgets what was said or tried a while ago, and tells whether anything is left.
    fn forget(&mut self) -> bool {
        self.words.retain(|_, word| word.at.elapsed() < SEEK_RETRY);
        self.tried.retain(|(_, at)| at.elapsed() < SEEK_RETRY);
        self.is_followed || !self.words.is_empty() || !self.tried.is_empty()
    }

    /// Whether a word may be followed.
    fn is_due(&self) -> bool {
        !self.is_followed && self.words.values().any(|word| word.is_due(&self.tried))
    }

    /// Takes the word that has waited longest for its turn, if one is due.
    fn take(&mut self) -> Option<(Option<NodeId>, Address)> {
        let due = self.words.iter_mut().filter(|(_, word)| word.is_due(&self.tried));
        let (from, word) = due.min_by_key(|(_, word)| word.followed)?;
        word.followed = Some(Instant::now());
        self.tried.push((word.address.clone(), Instant::now()));
        self.is_followed = true;
        Some((*from, word.address.clone()))
    }
}

impl Word {
    /// Whether its source has had no turn a short time ago, and the peer was not looked for at its place.
    fn is_due(&self, tried: &[(Address, Instant)]) -> bool {
        self.followed.is_none_or(|at| at.elapsed() >= SEEK_RETRY)
            && tried.iter().all(|(address, _)| *address != self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    fn hint(peer: u8, from: u8, port: u16) -> Hint {
        let address = format!("10.0.0.1:{port}").parse().expect("an address");
        Hint { peer: NodeId([peer; 32]), address, from: (from > 0).then_some(NodeId([from; 32])) }
    }

    async fn next(hints: &Hints) -> Option<Hint> {
        timeout(Duration::from_millis(1), hints.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_hints_keep_nobody_from_the_right_one() {
        let (hints, right) = (Hints::default(), hint(1, 9, 9));
        let mut followed = Vec::new();
        for round in 0..3 {
            // Many lie, each time otherwise, and the right word comes last.
            (2..8).for_each(|from| hints.note(hint(1, from, u16::from(10 * from) + round)));
            hints.note(right.clone());
            followed.extend(next(&hints).await);
            assert_eq!(next(&hints).await, None, "one at a time");
            hints.done(right.peer);
        }
        for _ in 0..4 {
            followed.extend(next(&hints).await);
            hints.done(right.peer);
        }
        assert!(followed.len() == 7 && followed.contains(&right), "each source has its turn: {followed:?}");
        assert_eq!(next(&hints).await, None, "each once");
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_is_tried_once_in_a_while_whoever_names_it() {
        let hints = Hints::default();
        let note_all = || (2..50).for_each(|from| hints.note(hint(1, from, 1)));
        note_all();
        assert!(next(&hints).await.is_some());
        hints.done(NodeId([1; 32]));
        assert_eq!(next(&hints).await, None);
        sleep(SEEK_RETRY).await;
        assert_eq!(next(&hints).await, None, "nobody says so any more");
        note_all();
        assert!(next(&hints).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn many_peers_with_low_ids_keep_nobody_from_being_found() {
        let hints = Hints::default();
        let (mut found, mut port) = (0, 0);
        for round in 0..8 {
            // The low ones let their words lapse in turn, and come anew.
            for peer in (1..=20).filter(|peer| peer % 2 != round % 2) {
                port += 2;
                (100..102).for_each(|from| hints.note(hint(peer, from, port + u16::from(from % 2))));
            }
            hints.note(hint(200, 100, 1 + u16::from(round)));
            for _ in 0..8 {
                let Some(followed) = next(&hints).await else { break };
                found += u8::from(followed.peer == NodeId([200; 32]));
                hints.done(followed.peer);
            }
            sleep(SEEK_RETRY).await;
        }
        assert!(found >= 3, "followed {found} times in 8 rounds");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_node_remembers_is_tried_before_what_others_say() {
        let hints = Hints::default();
        [hint(1, 2, 2), hint(1, 0, 1)].into_iter().for_each(|hint| hints.note(hint));
        assert_eq!(next(&hints).await, Some(hint(1, 0, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_hints_is_bounded_by_the_sources_and_their_peers() {
        let hints = Hints::default();
        (1..1000).for_each(|port| hints.note(hint(1, 2, port)));
        assert_eq!(hints.about.borrow()[&NodeId([1; 32])].words.len(), 1);
        sleep(SEEK_RETRY).await;
        assert!(next(&hints).await.is_none() && hints.about.borrow().is_empty());
    }
}

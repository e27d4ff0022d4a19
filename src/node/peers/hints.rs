//! Where peers that are away are said to be: by other peers, and by what this node remembers.

use std::cell::RefCell;
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
    /// Who says so: another peer, or this node of what it remembers.
    pub(in crate::node) from: NodeId,
}

/// The hints that wait to be followed, one of each source about each peer. About one peer they are followed one after
/// the other: those of all sources in turn, so that whoever names wrong places keeps nobody from the right one.
#[derive(Default)]
pub(in crate::node) struct Hints {
    about: RefCell<BTreeMap<NodeId, About>>,
    changed: Notify,
}

/// What was said about one peer.
#[derive(Default)]
struct About {
    is_followed: bool,
    /// The last word of each source.
    words: BTreeMap<NodeId, Word>,
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
        let words = &mut about.entry(hint.peer).or_default().words;
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
        about.iter_mut().find_map(|(peer, about)| {
            let (from, address) = about.take()?;
            Some(Hint { peer: *peer, address, from })
        })
    }
}

impl About {
    /// Forgets what was said or tried a while ago, and tells whether anything is left.
    fn forget(&mut self) -> bool {
        self.words.retain(|_, word| word.at.elapsed() < SEEK_RETRY);
        self.tried.retain(|(_, at)| at.elapsed() < SEEK_RETRY);
        self.is_followed || !self.words.is_empty() || !self.tried.is_empty()
    }

    /// Takes the word that has waited longest for its turn, if one may be followed.
    fn take(&mut self) -> Option<(NodeId, Address)> {
        let Self { is_followed, words, tried } = self;
        let is_due = |word: &Word| {
            word.followed.is_none_or(|at| at.elapsed() >= SEEK_RETRY)
                && tried.iter().all(|(address, _)| *address != word.address)
        };
        let due = words.iter_mut().filter(|(_, word)| !*is_followed && is_due(word));
        let (from, word) = due.min_by_key(|(_, word)| word.followed)?;
        word.followed = Some(Instant::now());
        let address = word.address.clone();
        tried.push((address.clone(), Instant::now()));
        *is_followed = true;
        Some((*from, address))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    fn hint(peer: u8, from: u8, port: u16) -> Hint {
        let address = format!("10.0.0.1:{port}").parse().expect("an address");
        Hint { peer: NodeId([peer; 32]), address, from: NodeId([from; 32]) }
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
    async fn the_memory_of_hints_is_bounded_by_the_sources_and_their_peers() {
        let hints = Hints::default();
        (1..1000).for_each(|port| hints.note(hint(1, 2, port)));
        assert_eq!(hints.about.borrow()[&NodeId([1; 32])].words.len(), 1);
        sleep(SEEK_RETRY).await;
        assert!(next(&hints).await.is_none() && hints.about.borrow().is_empty());
    }
}

//! Remembers the first messages of handshakes. Each message is good for one connection, so that nobody takes places by
//! repeating a recorded one. Only a caller that knows the cluster secret adds to them.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

use crate::limits::HANDSHAKES_REMEMBERED_MAX;

/// The ephemeral keys of the newest first messages.
#[derive(Default)]
pub(super) struct SeenHandshakes {
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    keys: BTreeSet<[u8; 32]>,
    oldest_first: VecDeque<[u8; 32]>,
}

impl SeenHandshakes {
    /// Notes a first message. Returns whether it is new, as far as the memory goes back.
    pub(super) fn is_new(&self, ephemeral: [u8; 32]) -> bool {
        let mut known = self.known.borrow_mut();
        if !known.keys.insert(ephemeral) {
            return false;
        }
        known.oldest_first.push_back(ephemeral);
        if known.oldest_first.len() > HANDSHAKES_REMEMBERED_MAX
            && let Some(oldest) = known.oldest_first.pop_front()
        {
            known.keys.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_once_and_the_memory_is_bounded() {
        let seen = SeenHandshakes::default();
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            key
        };
        assert!(seen.is_new(key(0)) && !seen.is_new(key(0)));
        for number in 1..=HANDSHAKES_REMEMBERED_MAX {
            assert!(seen.is_new(key(number)));
        }
        let known = seen.known.borrow().keys.len();
        assert_eq!(known, HANDSHAKES_REMEMBERED_MAX);
        assert!(!seen.is_new(key(HANDSHAKES_REMEMBERED_MAX)) && seen.is_new(key(0)), "the oldest is forgotten");
    }
}

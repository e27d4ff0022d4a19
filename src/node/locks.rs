//! One lock per blob, or per owner: what happens to the same one follows each other, what happens to different ones
//! does not wait for each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::store::layout::BlobId;

/// Locks by key.
pub(super) struct Locks<K = BlobId> {
    locks: Rc<RefCell<BTreeMap<K, Arc<Mutex<()>>>>>,
}

/// Holds the lock of one key until it is dropped.
pub(super) struct Locked<K: Ord = BlobId> {
    key: K,
    guard: Option<OwnedMutexGuard<()>>,
    locks: Rc<RefCell<BTreeMap<K, Arc<Mutex<()>>>>>,
}

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self { locks: Rc::default() }
    }
}

impl<K: Ord + Copy> Locks<K> {
    /// Whether somebody holds the lock of a key or waits for it.
    pub(super) fn is_locked(&self, key: K) -> bool {
        self.locks.borrow().contains_key(&key)
    }

    /// Returns for how many keys somebody holds the lock or waits for it.
    pub(super) fn count(&self) -> usize {
        self.locks.borrow().len()
    }

    /// Waits for the lock of a key, in the order of the calls.
    pub(super) async fn lock(&self, key: K) -> Locked<K> {
        let lock = self.locks.borrow_mut().entry(key).or_default().clone();
        let guard = lock.lock_owned().await;
        Locked { key, guard: Some(guard), locks: self.locks.clone() }
    }
}

impl<K: Ord> Drop for Locked<K> {
    fn drop(&mut self) {
        self.guard = None;
        let mut locks = self.locks.borrow_mut();
        // If only the map has the lock, nobody holds it or waits for it.
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

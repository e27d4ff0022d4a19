//! One lock per blob: changes of one blob follow each other, changes of different blobs do not wait for each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::store::layout::BlobId;

#[derive(Default)]
pub(super) struct Locks {
    locks: Rc<RefCell<BTreeMap<BlobId, Arc<Mutex<()>>>>>,
}

/// Holds the lock of one blob until it is dropped.
pub(super) struct Locked {
    blob: BlobId,
    guard: Option<OwnedMutexGuard<()>>,
    locks: Rc<RefCell<BTreeMap<BlobId, Arc<Mutex<()>>>>>,
}

impl Locks {
    /// Whether somebody holds the lock of a blob or waits for it.
    pub(super) fn is_locked(&self, blob: BlobId) -> bool {
        self.locks.borrow().contains_key(&blob)
    }

    /// Returns for how many blobs somebody holds the lock or waits for it.
    pub(super) fn count(&self) -> usize {
        self.locks.borrow().len()
    }

    /// Waits for the lock of a blob, in the order of the calls.
    pub(super) async fn lock(&self, blob: BlobId) -> Locked {
        let lock = self.locks.borrow_mut().entry(blob).or_default().clone();
        let guard = lock.lock_owned().await;
        Locked { blob, guard: Some(guard), locks: self.locks.clone() }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.guard = None;
        let mut locks = self.locks.borrow_mut();
        // If only the map has the lock, nobody holds it or waits for it.
        if locks.get(&self.blob).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.blob);
        }
    }
}

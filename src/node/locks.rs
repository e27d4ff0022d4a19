//! One lock per blob: changes of the same file follow each other, changes of different files do not wait.

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
    /// Waits for the lock, in the order of asking.
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
        // Nobody holds or waits for it: only the map has it.
        if locks.get(&self.blob).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.blob);
        }
    }
}

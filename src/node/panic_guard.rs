//! Stops the whole node if one of its tasks panics.

use std::cell::Cell;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

/// Stops the node, and notes that a task panicked, if a panic unwinds through this guard.
pub(super) struct PanicGuard {
    pub(super) stop: CancellationToken,
    pub(super) panicked: Rc<Cell<bool>>,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.panicked.set(true);
            self.stop.cancel();
        }
    }
}

//! A panic of one task stops the whole node.

use std::cell::Cell;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

/// Stops the node, and notes why, if a panic unwinds through it.
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

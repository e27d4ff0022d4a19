//! A panic of one task stops the whole node.

use std::cell::Cell;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

/// Notes a panic that unwinds through it.
pub(super) struct Bomb {
    pub(super) stop: CancellationToken,
    pub(super) panicked: Rc<Cell<bool>>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.panicked.set(true);
            self.stop.cancel();
        }
    }
}

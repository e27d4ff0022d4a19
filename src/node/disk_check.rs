//! The looks at the disk: those who ask at the same time share one, and so do those who ask a moment later. So however
//! many ask, the disk has no more to do, and if it hangs, one look hangs.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::DISK_CHECK_KEPT;
use crate::store::StorageError;

/// What a look has found, and when it ended; `None` as long as it is under way.
pub(super) type Found = Option<(Instant, Result<(), Arc<StorageError>>)>;

/// The last look at the disk.
#[derive(Default)]
pub(super) struct DiskCheck(RefCell<Option<watch::Receiver<Found>>>);

impl DiskCheck {
    /// Returns the look that is to be waited for. If that is a new one, the caller has to make it, and to send what it
    /// has found.
    pub(super) fn join(&self) -> (watch::Receiver<Found>, Option<watch::Sender<Found>>) {
        let mut last = self.0.borrow_mut();
        let is_shared = |look: &watch::Receiver<Found>| match &*look.borrow() {
            Some((ended, _)) => ended.elapsed() < DISK_CHECK_KEPT,
            None => look.has_changed().is_ok(),
        };
        if let Some(look) = last.as_ref().filter(|look| is_shared(look)) {
            return (look.clone(), None);
        }
        let (sender, look) = watch::channel(None);
        *last = Some(look.clone());
        (look, Some(sender))
    }
}

//! The looks at the disk: those who ask at the same time share one, and so do those who ask a moment later. So however
//! many ask, the disk has no more to do, and if it hangs, one look hangs.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::limits::DISK_CHECK_KEPT;
use crate::store::StorageError;

/// A look at the disk. Those who wait for it are woken in the order in which they came.
#[derive(Default)]
pub(super) struct Look {
    /// What was found, and when.
    found: OnceCell<(Instant, Result<(), Arc<StorageError>>)>,
    ended: CancellationToken,
}

impl Look {
    /// Notes what was found.
    pub(super) fn find(&self, found: Result<(), StorageError>) {
        drop(self.found.set((Instant::now(), found.map_err(Arc::new))));
    }

    /// Waits for the end of the look. Returns what was found, or `None` if the node has stopped before.
    pub(super) async fn end(&self) -> Option<Result<(), Arc<StorageError>>> {
        self.ended.cancelled().await;
        self.found.get().map(|(_, found)| found.clone())
    }

    fn is_shared(&self) -> bool {
        match self.found.get() {
            Some((ended, _)) => ended.elapsed() < DISK_CHECK_KEPT,
            None => !self.ended.is_cancelled(),
        }
    }
}

/// The last look at the disk.
#[derive(Default)]
pub(super) struct DiskCheck(RefCell<Option<Rc<Look>>>);

impl DiskCheck {
    /// Returns the look that is to be waited for. If that is a new one, the caller has to make it; it ends once the
    /// guard is dropped.
    pub(super) fn join(&self) -> (Rc<Look>, Option<DropGuard>) {
        let mut last = self.0.borrow_mut();
        if let Some(look) = last.as_ref().filter(|look| look.is_shared()) {
            return (look.clone(), None);
        }
        let look = Rc::<Look>::default();
        *last = Some(look.clone());
        let ends = look.ended.clone().drop_guard();
        (look, Some(ends))
    }
}

//! The local copies that a scrub replaces with what peers have. A copy that is deleted meanwhile does not come back.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::crypto::FileName;

/// The local copies that are being replaced.
#[derive(Default)]
pub(super) struct Mending(RefCell<Vec<(FileName, Weak<Mend>)>>);

/// One local copy that is being replaced, for as long as this exists.
#[derive(Default)]
pub(super) struct Mend {
    is_deleted: Cell<bool>,
}

impl Mending {
    /// Begins to replace the local copy of a file. The caller holds the lock of the file.
    pub(super) fn begin(&self, file: FileName) -> Rc<Mend> {
        let mend = Rc::new(Mend::default());
        let mut mending = self.0.borrow_mut();
        mending.retain(|(_, mend)| mend.strong_count() > 0);
        mending.push((file, Rc::downgrade(&mend)));
        mend
    }

    /// Notes that the local copy of a file is deleted. The caller holds the lock of the file.
    pub(super) fn note_deletion(&self, file: FileName) {
        let mending = self.0.borrow();
        let of_file = mending.iter().filter(|(of, _)| *of == file).filter_map(|(_, mend)| mend.upgrade());
        of_file.for_each(|mend| mend.is_deleted.set(true));
    }
}

impl Mend {
    /// Whether the local copy was deleted since this began.
    pub(super) fn is_deleted(&self) -> bool {
        self.is_deleted.get()
    }
}

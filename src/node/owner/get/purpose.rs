//! What a file is got for, and so what becomes of what a peer gives.

use std::rc::Rc;

use crate::node::mending::Mend;

/// What a file is got for.
#[derive(Clone)]
pub(in crate::node) enum Purpose {
    /// For a local copy, too.
    Copy,
    /// For a local copy in the place of a bad one, unless that is deleted meanwhile.
    Mend(Rc<Mend>),
    /// For the caller alone: nothing of it stays here.
    Pass,
}

impl Purpose {
    /// Whether the local copy that was to be replaced is deleted.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Mend(mend) if mend.is_deleted())
    }

    /// Whether a bad local copy is to be replaced, so that what lies on the disk is what counts.
    pub(super) fn is_mending(&self) -> bool {
        matches!(self, Self::Mend(_))
    }

    /// Whether nothing is to stay on this disk.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Pass)
    }
}

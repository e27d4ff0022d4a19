//! The file store as a subject of the harness. What the harness asks of it is answered in `subject`.

use super::bug::Bug;

/// The file store. With a planted bug, the world around the node is wrong in one way, and an oracle has to notice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// The bug that is planted, if any.
    pub bug: Option<Bug>,
}

//! The file store as a subject of the harness. What the harness asks of it is answered in `subject`.

use dacapo::store::layout::{identity, layout, members};

use super::bug::Bug;

/// The file store. With a planted bug, the world around the node is wrong in one way, and an oracle has to notice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// The bug that is planted, if any.
    pub bug: Option<Bug>,
}

/// Whether a node cannot live without a file.
#[must_use]
pub fn needs(path: &str) -> bool {
    [identity(), layout(), members()].iter().any(|needed| path == needed.as_str())
}

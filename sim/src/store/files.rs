//! The file store as a subject of the harness. What the harness asks of it is in `subject`.

use super::bug::Bug;

/// The file store. With a planted bug, the world around the node is wrong in one way, and an oracle has to say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// What is planted, if anything.
    pub bug: Option<Bug>,
}

//! What one repair did.

/// What one repair did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Replicas and deletions that the peer now has.
    pub(super) sent: usize,
    /// Files of which the peer knew more than the own catalog.
    pub(super) learnt: usize,
    /// Replicas that the peer dropped, because others hold the file.
    pub(super) released: usize,
    /// Replicas that the peer keeps until the peers that are to hold the file do.
    pub(super) kept: usize,
    /// Files that could not be sent.
    pub(super) failed: usize,
}

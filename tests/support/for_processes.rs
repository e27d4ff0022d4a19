//! What `tests/processes` builds on: a bench on which real processes run, and snapshots.

pub(crate) mod bench;
pub(crate) mod snapshots;

//! What `tests/claims` builds on: a module for each test bed, disks that fail at one call, a peer that breaks the
//! rules, and snapshots. `tests/README.md` says which bed serves what.

pub(crate) mod fault_disk;
pub(crate) mod hooked_disk;
pub(crate) mod in_memory;
pub(crate) mod promises;
pub(crate) mod real;
pub(crate) mod scripted;
pub(crate) mod scripted_peer;
pub(crate) mod snapshots;

//! Bounds of comparisons and repairs.

use std::time::Duration;

use super::connections::{HEARTBEAT_INTERVAL, POOL_CONNECTIONS_MAX};

/// Entries of a leaf that one message carries. Each has at most 34 bytes, so a page fits
/// [`MESSAGE_BYTES_MAX`](super::MESSAGE_BYTES_MAX).
pub const LEAF_PAGE_MAX: usize = 100;

/// Entries of one leaf that a comparison takes from each side. Chosen: 2 MiB of memory; a set of 40 million files has
/// about 10,000 in a leaf.
pub const LEAF_ENTRIES_MAX: usize = 65_536;

/// Leaves of one peer that are compared and mended at the same time. Chosen: half of the connections to the peer.
pub const REPAIR_LEAVES_MAX: usize = POOL_CONNECTIONS_MAX / 2;

/// Entries of a peer above which a leaf is large; of large ones a comparison takes one at a time. Chosen: all others
/// together take as much memory as one that is as large as can be.
pub const LARGE_LEAF_ENTRIES: usize = LEAF_ENTRIES_MAX / REPAIR_LEAVES_MAX;

/// Files whose repair begins at the same time, at all peers together; the peers take turns, and slow ones have half of
/// it. Chosen: each takes a connection to a peer, or one to each of two, so repair leaves callers half of those of a
/// peer, or a quarter if the peer gives replicas to others as well.
pub const REPAIRS_MAX: usize = POOL_CONNECTIONS_MAX / 2;

/// Entries that peers list and could not give, as noted for those who ask. Chosen: a disk that goes bad loses more than
/// a few files, and a peer that invents entries takes up a megabyte or two.
pub const UNLEARNT_MAX: usize = 10_000;

/// Files that a peer claims to have and cannot prove, after which a repair of the peer ends; the next one goes on
/// behind them. Chosen: more than rot in one leaf, and an inventory of a million invented files costs no more than
/// these.
pub const UNPROVEN_MAX: usize = 16;

/// Leaves in a row that differ by what a peer says of all its files, and not by what it lists, after which a repair of
/// the peer ends: what it said is not so, or not any more. Chosen: as many as files that it cannot prove.
pub const UNLIKE_LEAVES_MAX: usize = 16;

/// The wait before a failed repair is tried again; it doubles with each failure in a row up to [`REPAIR_RETRY_MAX`].
/// Chosen: one heartbeat.
pub const REPAIR_RETRY_MIN: Duration = HEARTBEAT_INTERVAL;

/// The longest wait before a failed repair is tried again. Chosen: four heartbeats.
pub const REPAIR_RETRY_MAX: Duration = Duration::from_secs(20);

/// The longest wait before a peer whose quota is full is offered the same files again, if neither side holds anything
/// else since. The wait doubles from [`REPAIR_RETRY_MAX`]. Chosen: what a store that failed had reserved is used
/// within a minute.
pub const REFUSED_RETRY_MAX: Duration = Duration::from_secs(40);

/// Files that a peer does not take because of its disk, and none that it takes between them, after which a repair
/// offers it only new ones that are smaller than all of those; the next one begins at the first of the others. Chosen:
/// a disk that has room for anything takes one of so many.
pub const DISK_REFUSALS_MAX: usize = 16;

/// Files for which the quota of a peer has no room, and none that it takes between them, after which a repair offers it
/// only smaller ones; the next one begins at the first of the others. Files of which the peer holds an older version
/// count by themselves: it may have room for those alone. Chosen: a peer that has room for some takes one of so many.
pub const QUOTA_REFUSALS_MAX: usize = 256;

/// Files whose lengths a repair looks up because a peer takes only small ones. Chosen: a second of work in each repair
/// of a peer that is full for good.
pub const LENGTHS_LOOKED_AT_MAX: usize = 16_384;

//! The purposes for which a node draws random bytes. Each purpose has its own stream of the seed. What must never be
//! drawn twice gets fresh entropy of the platform too: a copy of the memory has the same streams.

use std::cell::RefCell;

use crate::crypto::Iv;
use crate::platform::Entropy;
use crate::seed::{Rng, Seed, SeedRng};

/// A purpose for which random bytes are drawn. Its number selects the stream of the seed and is part of what a seed
/// means: a number is never reused or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Lane {
    /// The master secret of a new data directory.
    Identity = 1,
    /// Ephemeral keys of the link handshake.
    Handshake = 2,
    /// Initialisation vectors of file contents.
    Iv = 3,
    /// Initialisation vectors of sealed metadata.
    MetadataIv = 4,
    /// Jitter of the waits between two dials.
    Backoff = 5,
    /// The secret of a new cluster.
    Cluster = 6,
    /// The salt of a backup of an identity.
    Salt = 7,
    /// What tells one start of a node from every other one.
    Boot = 8,
}

impl From<Lane> for u64 {
    fn from(lane: Lane) -> Self {
        lane as Self
    }
}

/// The lanes that a running node draws from.
pub(super) struct Lanes {
    pub(super) handshake: RefCell<SeedRng>,
    pub(super) iv: RefCell<SeedRng>,
    pub(super) metadata_iv: RefCell<SeedRng>,
    pub(super) backoff: RefCell<SeedRng>,
}

impl Lanes {
    pub(super) fn new(seed: &Seed) -> Self {
        let lane = |lane: Lane| RefCell::new(seed.rng(lane));
        Self {
            handshake: lane(Lane::Handshake),
            iv: lane(Lane::Iv),
            metadata_iv: lane(Lane::MetadataIv),
            backoff: lane(Lane::Backoff),
        }
    }
}

/// Draws an IV. No other draw gives the same IV, in this process or in one that runs on from a copy of its memory.
pub(super) fn draw_iv(lane: &RefCell<SeedRng>, fresh: Entropy) -> Iv {
    let mut iv = [0; 16];
    lane.borrow_mut().fill_bytes(&mut iv);
    Iv(fresh.mix(iv))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_keeps_its_stream() {
        use Lane::{Backoff, Boot, Cluster, Handshake, Identity, Iv, MetadataIv, Salt};
        let lanes = [Identity, Handshake, Iv, MetadataIv, Backoff, Cluster, Salt, Boot];
        assert_eq!(lanes.map(u64::from), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}

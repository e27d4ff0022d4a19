//! The random lanes that a running node draws from.

use std::cell::RefCell;

use crate::crypto::Iv;
use crate::seed::{Lane, LaneRng, Rng, Seed};

/// One lane for each purpose.
pub(super) struct Lanes {
    pub(super) handshake: RefCell<LaneRng>,
    pub(super) iv: RefCell<LaneRng>,
    pub(super) metadata_iv: RefCell<LaneRng>,
    pub(super) backoff: RefCell<LaneRng>,
}

impl Lanes {
    pub(super) fn new(seed: &Seed) -> Self {
        let lane = |lane| RefCell::new(seed.lane(lane));
        Self {
            handshake: lane(Lane::Handshake),
            iv: lane(Lane::Iv),
            metadata_iv: lane(Lane::MetadataIv),
            backoff: lane(Lane::Backoff),
        }
    }
}

/// An IV that no other draw gives.
pub(super) fn draw_iv(lane: &RefCell<LaneRng>) -> Iv {
    let mut iv = Iv([0; 16]);
    lane.borrow_mut().fill_bytes(&mut iv.0);
    iv
}

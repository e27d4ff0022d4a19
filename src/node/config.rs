//! What a node is started with, and why a start fails.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::holder::quota::Quota;
use crate::crypto::ClusterSecret;
use crate::event::EventSink;
use crate::limits::{
    COMPACT_BYTES_MIN, DELETIONS_KEPT, SCRUB_INTERVAL, SCRUB_PAUSE_MIN, SCRUB_SAVE_INTERVAL, VERIFIED_SAVE_INTERVAL,
};
use crate::membership::MembersError;
use crate::replication::Replicas;
use crate::seed::Seed;
use crate::store::layout::Layout;
use crate::store::{self, IdentityError};
use crate::transport::Address;

/// What a node is started with. [`Config::new`] takes the settings that have no default.
pub struct Config {
    /// Where the node listens; port 0 takes a free port.
    pub listen: Address,
    /// The peers that the node dials, beside those that its data directory names, and dials again whenever they are
    /// lost. None by default.
    pub peers: Vec<Address>,
    /// What the nodes of the cluster share.
    pub cluster: ClusterSecret,
    /// The layout of the blobs in the data directory. By default the layout that is already there; in a new directory
    /// [`Layout::Folders`].
    pub layout: Option<Layout>,
    /// How many peers are to hold each of the node's files. By default all.
    pub replicas: Replicas,
    /// What each owner may take up on the node's disk. By default as much as there is.
    pub quota: Quota,
    /// How long deletions are remembered at least, after every peer has come to know them. By default
    /// [`DELETIONS_KEPT`].
    pub deletions_kept: Duration,
    /// What the node does about peers that lack its files. By default it sends them what they lack.
    pub mode: Mode,
    /// How often the node looks after its disk by itself.
    pub upkeep: Upkeep,
    /// The source of the node's keys, IVs and jitter. Two starts must never have the same seed.
    pub seed: Seed,
    /// Receives the node's events. By default the events are dropped.
    pub events: EventSink,
}

/// What a node does if a peer holds something else than the catalog says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The node learns what the peer knows and the catalog does not, and sends what the peer lacks.
    #[default]
    Normal,
    /// The node learns what the peer knows and the catalog does not, and sends nothing. For a recovery, while the
    /// catalog is not complete yet.
    Learning,
}

/// How often a node looks after its disk by itself. The defaults are the limits of the same names; only a simulation
/// has a reason for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// The wait before a background scrub begins or goes on after a start, and between two of them at least.
    pub scrub_pause: Duration,
    /// The wait from the end of a full scrub to the next one.
    pub scrub_interval: Duration,
    /// How often a background scrub makes durable how far it has come.
    pub scrub_save_interval: Duration,
    /// How often it is made durable which replicas were found good.
    pub verified_save_interval: Duration,
    /// The smallest catalog that is compacted after a background scrub.
    pub compact_bytes_min: u64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            scrub_pause: SCRUB_PAUSE_MIN,
            scrub_interval: SCRUB_INTERVAL,
            scrub_save_interval: SCRUB_SAVE_INTERVAL,
            verified_save_interval: VERIFIED_SAVE_INTERVAL,
            compact_bytes_min: COMPACT_BYTES_MIN,
        }
    }
}

impl Config {
    /// Returns a configuration in which every other field has its default.
    #[must_use]
    pub fn new(listen: Address, cluster: ClusterSecret, seed: Seed) -> Self {
        Self {
            listen,
            peers: Vec::new(),
            cluster,
            layout: None,
            replicas: Replicas::default(),
            quota: Quota::default(),
            deletions_kept: DELETIONS_KEPT,
            mode: Mode::default(),
            upkeep: Upkeep::default(),
            seed,
            events: Rc::new(|_| ()),
        }
    }
}

/// Why a node did not start. Nothing has changed, except that what a crash had left half done may be finished or
/// dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory has no usable identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The data directory could not be opened.
    #[error(transparent)]
    Store(#[from] store::StorageError),
    /// The list of members cannot be used.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: Address,
        /// Why not.
        source: io::Error,
    },
}

//! What a node is started with, and why it is not started.

use std::io;
use std::rc::Rc;

use super::holder::quota::Quota;
use crate::crypto::ClusterSecret;
use crate::event::EventSink;
use crate::membership::MembersError;
use crate::replication::Replicas;
use crate::seed::Seed;
use crate::store::layout::Layout;
use crate::store::{self, IdentityError};
use crate::transport::Address;

/// What a node is started with. [`Config::new`] takes what has no default.
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: Address,
    /// The peers that it dials, beside those that its data directory names, and dials again whenever they are lost.
    /// None by default.
    pub peers: Vec<Address>,
    /// What the nodes of the cluster share.
    pub cluster: ClusterSecret,
    /// How the blobs of its data directory lie. By default as they do already; in a new directory in
    /// [`Layout::Folders`].
    pub layout: Option<Layout>,
    /// How many peers are to hold each of its files. By default all.
    pub replicas: Replicas,
    /// What each owner may take up on its disk. By default as much as there is.
    pub quota: Quota,
    /// What it does about peers that lack its files. By default it sends them what they lack.
    pub mode: Mode,
    /// The source of its keys, IVs and jitter. Never the same for two starts.
    pub seed: Seed,
    /// Receives its events. By default nobody does.
    pub events: EventSink,
}

/// What a node does when a peer holds something else than the catalog says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It learns what the peer knows more, and sends what the peer lacks.
    #[default]
    Normal,
    /// It learns what the peer knows more, and sends nothing. For a recovery, where the catalog is not complete yet.
    Learning,
}

impl Config {
    /// Returns a configuration with the defaults that the fields name.
    #[must_use]
    pub fn new(listen: Address, cluster: ClusterSecret, seed: Seed) -> Self {
        Self {
            listen,
            peers: Vec::new(),
            cluster,
            layout: None,
            replicas: Replicas::default(),
            quota: Quota::default(),
            mode: Mode::default(),
            seed,
            events: Rc::new(|_| ()),
        }
    }
}

/// Why a node did not start. Nothing was changed but what a crash had left half done.
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

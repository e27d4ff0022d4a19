//! What a node is started with, and why it is not started.

use std::io;

use super::{Quota, Replicas};
use crate::crypto::ClusterSecret;
use crate::event::EventSink;
use crate::membership::MembersError;
use crate::seed::Seed;
use crate::store::layout::Layout;
use crate::store::{self, IdentityError};
use crate::transport::Address;

/// What a node is started with.
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: Address,
    /// The peers that it dials, beside those that its data directory names, and dials again whenever they are lost.
    pub peers: Vec<Address>,
    /// What the nodes of the cluster share.
    pub cluster: ClusterSecret,
    /// How the blobs of its data directory lie. Where nothing is said, as they do; in a new directory in
    /// [`Layout::Folders`].
    pub layout: Option<Layout>,
    /// How many peers are to hold each of its files.
    pub replicas: Replicas,
    /// What each owner may take up on its disk.
    pub quota: Quota,
    /// Whether it only learns of its files from its peers, and sends them nothing that they lack. For a recovery.
    pub learns_only: bool,
    /// Where its keys, IVs and jitter come from. Never the same for two starts.
    pub seed: Seed,
    /// Where it tells its events.
    pub events: EventSink,
}

/// Why a node did not start. Nothing was changed but what a crash had left half done.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory has no usable identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The data directory could not be opened.
    #[error(transparent)]
    Store(#[from] store::StoreError),
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

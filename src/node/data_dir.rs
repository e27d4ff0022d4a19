//! Opens the data directory of a node that starts.

use std::sync::Arc;

use super::config::StartError;
use crate::crypto::{Keys, NodeId, Version};
use crate::disk::Disk;
use crate::membership::Members;
use crate::seed::SeedRng;
use crate::store::layout::Layout;
use crate::store::{self, Identity, Recovered, Store, above_all_before};
use crate::time::UnixMillis;

/// An open data directory.
pub(super) struct DataDir<D: Disk> {
    pub(super) keys: Arc<Keys>,
    pub(super) store: Arc<Store<D>>,
    pub(super) members: Members,
    /// The peers that were connected before, each with the address at which it is dialled; empty if it is not.
    pub(super) met: Vec<(NodeId, String)>,
    pub(super) recovered: Recovered,
    pub(super) is_new: bool,
}

/// Opens a data directory, and finishes or drops what a crash left half done. Gives a new directory an identity.
pub(super) fn open<D: Disk>(
    disk: D,
    layout: Option<Layout>,
    identity_lane: &mut SeedRng,
    now: UnixMillis,
) -> Result<DataDir<D>, StartError> {
    let identity = Identity::load_or_create(&disk, identity_lane)?;
    Layout::choose(&disk, layout).map_err(store::StorageError::from)?;
    let members = Members::load(&disk)?;
    let keys = Keys::derive(&identity.master);
    // If the catalog is lost, every version that was acknowledged before is lower, even if no peer is left to say so.
    let above = if identity.is_new { Version(0) } else { above_all_before(now) };
    let (store, recovered) = Store::open_above(disk, &keys, above)?;
    let met = store.peers()?;
    Ok(DataDir { keys: Arc::new(keys), store: Arc::new(store), members, met, recovered, is_new: identity.is_new })
}

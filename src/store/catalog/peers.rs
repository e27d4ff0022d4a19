//! Reading which peers were ever connected.

use redb::{ReadableDatabase, ReadableTable};

use super::read::exists;
use super::{Catalog, PEERS};
use crate::crypto::NodeId;
use crate::disk::Disk;
use crate::limits::MET_PEERS_MAX;
use crate::store::error::CatalogError;

impl<D: Disk> Catalog<D> {
    /// Returns the peers that were ever connected, each with the address at which it is dialled; empty if it is not.
    pub(in crate::store) fn peers(&self) -> Result<Vec<(NodeId, String)>, CatalogError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let Some(table) = exists(read.open_table(PEERS))? else { return Ok(Vec::new()) };
            let peers = table.iter()?.take(MET_PEERS_MAX).map(|entry| {
                let (peer, address) = entry?;
                Ok((NodeId(*peer.value()), address.value().to_owned()))
            });
            peers.collect()
        })
    }
}

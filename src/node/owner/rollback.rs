//! Notices that this data directory is older than what the peers know: it was put back from a copy, and what happened
//! after the copy was made is known to the peers alone.
//!
//! The sign is this node's own seal or tombstone with a version that this directory never gave to that name. What the
//! peers know of that other life is learnt like any newer version, with two differences: a local copy that is to be
//! replaced or deleted is kept in the folder `kept`, and what was stored here since the start does not give way. It
//! gets a version above all that was met, because only a clock that is behind lets its number be the lower one.

use crate::crypto::{Key, ReplicaName, Tombstone, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::node::context::Shared;
use crate::platform::Platform;
use crate::replication::Entry;
use crate::store::layout::BlobId;
use crate::store::{Change, StorageError, Store};

/// Takes note of a version of this node's that a peer knows, so that later ones are above it. Returns whether it comes
/// from a life that this directory knows nothing of.
pub(in crate::node) async fn meet<P: Platform>(
    context: &Shared<P>,
    replica_name: ReplicaName,
    version: Version,
) -> Result<bool, StorageError> {
    let met = context.blocking(move |store| {
        let is_of_other_life = !store.has_issued(version, replica_name);
        store.skip_versions(version)?;
        Ok(is_of_other_life)
    });
    let is_of_other_life: Result<bool, StorageError> = met.await;
    let is_of_other_life = is_of_other_life?;
    if is_of_other_life {
        note(context, version);
    }
    Ok(is_of_other_life)
}

/// Tells once in the life of a node that its directory is older than what its peers know.
pub(in crate::node) fn note<P: Platform>(context: &Shared<P>, met: Version) {
    if context.owner.rolled_back.replace(Some(met)).is_none() {
        context.tell(&Event::RolledBack { met });
    }
}

/// Gives a file, or its deletion, a new version if it must not give way to what was met: it was made here since the
/// start, or is something else under the same number. Returns whether it has a version above that now. The caller holds
/// the lock of the file.
pub(in crate::node) async fn renew<P: Platform>(context: &Shared<P>, met: Entry) -> Result<bool, StorageError> {
    let replica_name = met.replica_name;
    let now = context.platform.now();
    context
        .with_keys(move |store, keys| {
            let stays = |ours: Entry| {
                let is_lower = ours.version < met.version && store.is_of_this_start(ours.version, replica_name);
                ours != met && (is_lower || ours.version == met.version)
            };
            if let Some(tombstone) = store.proved_tombstone(keys, replica_name)? {
                if !stays(Entry::deleted(replica_name, tombstone.version)) {
                    return Ok(tombstone.version > met.version);
                }
                let tombstone = Tombstone::new(keys, replica_name, store.next_version(now, replica_name)?);
                return store.commit(&[Change::Deleted(replica_name, tombstone)]);
            }
            let Some(key) = store.key_of(replica_name)? else { return Ok(false) };
            store.settle(keys, &BlobId::Own(key.file_name()))?;
            match store.proved(keys, &key)? {
                Some(record) if stays(record.entry(replica_name)) => {
                    let record = record.renumbered(keys, replica_name, store.next_version(now, replica_name)?);
                    store.commit(&[Change::Own(key, replica_name, Box::new(record))])
                }
                Some(record) => Ok(record.seal.version > met.version),
                None => Ok(false),
            }
        })
        .await
}

/// Keeps a copy of the local copy of a file that a version of another life is about to replace or delete. The caller
/// holds the lock of the file.
pub(in crate::node) fn keep_copy<D: Disk>(store: &Store<D>, key: &Key) -> Result<(), StorageError> {
    let version = store.own(key)?.map_or(Version(0), |record| record.seal.version);
    store.keep_copy(key.file_name(), version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::{Idle, run};
    use crate::store::tests::key;

    #[test]
    fn a_deletion_is_above_what_was_met_only_if_it_is_newer() {
        run(async {
            let node = Idle::new();
            let (store, name) = (&node.context.store, node.place.keys.replica_name(&key("a")));
            store.commit(&[node.place.deleted(&key("a"), Version(5))]).expect("a good disk");
            let met = |version| renew(&node.context, Entry::deleted(name, Version(version)));
            assert_eq!(met(4).await.ok(), Some(true));
            assert_eq!(met(5).await.ok(), Some(false), "it is the one that was met");
            assert_eq!(met(6).await.ok(), Some(false), "it was not made here since the start");
            assert_eq!(store.newest(None, name).ok().flatten(), Some(Version(5)));
        });
    }
}

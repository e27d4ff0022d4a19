//! Makes what a store has written the version that counts.

use crate::crypto::{Key, Keys, ReplicaName, Version};
use crate::disk::Disk;
use crate::node::commit::KeepError;
use crate::node::context::Shared;
use crate::node::handle::errors::{StoreError, StoreFault};
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, Change, OwnRecord, StorageError, Store};

/// Makes what was written the version that counts, and returns its record. If another version has the higher number,
/// this one gets a number above that: of two stores that overlap, the one that ends last counts, and an old record that
/// got a new number meanwhile hides no store. If peers were told, they may have the new version whatever fails here.
pub(super) async fn keep<P: Platform>(
    context: &Shared<P>,
    key: &Key,
    replica_name: ReplicaName,
    mut writer: BlobWriter<P::Disk>,
    mut record: OwnRecord,
    peers_were_told: bool,
) -> Result<OwnRecord, StoreError> {
    let unconfirmed = |error| StoreError::Unconfirmed(StoreFault::Disk(error));
    let not_stored = |error| match peers_were_told {
        true => unconfirmed(error),
        false => StoreError::Rejected(StoreFault::Disk(error)),
    };
    loop {
        let (newest, written) = match context.keep(writer, look(key, replica_name, &record)).await {
            Ok(_) => return Ok(record),
            Err(KeepError::Refused(InTheWay::Newer(newest), written)) => (newest, written),
            // The next look finds what came first.
            Err(KeepError::Outdated(written)) => (record.seal.version, written),
            Err(KeepError::Refused(InTheWay::Disk(error), writer)) => {
                context.discard(writer).await;
                return Err(not_stored(error));
            }
            Err(KeepError::NotStored(error)) => return Err(not_stored(error)),
            Err(KeepError::PerhapsStored(error)) => return Err(unconfirmed(error)),
        };
        (writer, record) = renumber(context, replica_name, newest, written, record).await.map_err(not_stored)?;
    }
}

/// Why a written file does not count yet.
enum InTheWay {
    /// This version, which is not lower.
    Newer(Version),
    /// The disk failed.
    Disk(StorageError),
}

/// Returns a look at what is known of a file, which lets a record count that is newer.
fn look<D: Disk>(
    key: &Key,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> impl FnOnce(&Store<D>, &Keys) -> Result<Option<Change>, InTheWay> + Send + use<D> {
    let (key, record) = (key.clone(), Box::new(record.clone()));
    move |store, keys| {
        let newest = store.settle(keys, &BlobId::Own(key.file_name())).and_then(|()| {
            store.drop_unproved(keys, &key)?;
            let newest = store.newest_proved(keys, Some(&key), replica_name)?;
            // A peer may remember a deletion that is forgotten here, and its version is not above the floor.
            Ok(newest.max(Some(store.forgetting()?.floor)))
        });
        match newest.map_err(InTheWay::Disk)? {
            Some(newest) if newest >= record.seal.version => Err(InTheWay::Newer(newest)),
            _ => Ok(Some(Change::Own(key, replica_name, record))),
        }
    }
}

/// Gives a written file a version above `newest`.
async fn renumber<P: Platform>(
    context: &Shared<P>,
    replica_name: ReplicaName,
    newest: Version,
    mut writer: BlobWriter<P::Disk>,
    record: OwnRecord,
) -> Result<(BlobWriter<P::Disk>, OwnRecord), StorageError> {
    let now = context.platform.now();
    let renumbered = context.with_keys(move |store, keys| {
        let version = store.skip_versions(newest).and_then(|()| store.next_version(now, replica_name));
        match version.and_then(|version| store.renumber(&mut writer, version).map(|()| version)) {
            Ok(version) => Ok((writer, record.renumbered(keys, replica_name, version))),
            Err(error) => {
                // If this fails too, the next start drops the file.
                drop(store.discard(&writer));
                Err(error)
            }
        }
    });
    renumbered.await
}

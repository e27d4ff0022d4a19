//! Lists the own files of a node.

use crate::crypto::{Key, Keys, Seal};
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;
use crate::node::context::Shared;
use crate::node::handle::answers::FileInfo;
use crate::node::handle::errors::StatError;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{OwnRecord, StorageError, Store};

/// Returns a page of own files. See [`Handle::list_under`](crate::node::Handle::list_under).
pub(in crate::node) async fn list<P: Platform>(
    context: Shared<P>,
    prefix: String,
    after: Option<Key>,
) -> Result<Vec<FileInfo>, StatError> {
    let look = move |store: &Store<P::Disk>, keys: &Keys| {
        let records = store.list_proved(keys, &prefix, after.as_ref(), LIST_PAGE_MAX)?;
        records.into_iter().map(|(key, record)| describe(store, keys, key, &record)).collect::<Result<_, _>>()
    };
    // In folders each local copy is looked for on the disk.
    let page = if context.store.begins_in_memory() { context.short(look).await } else { context.with_keys(look).await };
    page.map_err(StatError::Disk)
}

/// Returns what is known of one own file. See [`Handle::stat`](crate::node::Handle::stat).
pub(in crate::node) async fn stat<P: Platform>(context: Shared<P>, key: Key) -> Result<FileInfo, StatError> {
    let info = context.with_keys(move |store, keys| match find(store, keys, &key)? {
        Ok(record) => describe(store, keys, key, &record).map(Ok),
        Err(none) => Ok(Err(none)),
    });
    info.await.map_err(StatError::Disk)?
}

/// Returns what the catalog knows of a file, or why it knows nothing.
pub(super) fn find<D: Disk>(
    store: &Store<D>,
    keys: &Keys,
    key: &Key,
) -> Result<Result<OwnRecord, StatError>, StorageError> {
    Ok(match store.proved(keys, key)? {
        Some(record) => Ok(record),
        None if store.proved_tombstone(keys, keys.replica_name(key))?.is_some() => Err(StatError::Deleted),
        None => Err(StatError::NotFound),
    })
}

fn describe<D: Disk>(store: &Store<D>, keys: &Keys, key: Key, record: &OwnRecord) -> Result<FileInfo, StorageError> {
    let is_local = store.has_blob(&BlobId::Own(key.file_name()))?;
    let OwnRecord { seal: Seal { size, version, digest, metadata, .. }, modified, .. } = record;
    let attributes = metadata.open(keys).ok().and_then(|metadata| metadata.attributes);
    let (size, version, modified, digest) = (*size, *version, *modified, *digest);
    Ok(FileInfo { key, size, version, modified, attributes, digest, is_local })
}

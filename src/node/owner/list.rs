//! Lists the own files of a node.

use crate::crypto::Key;
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;
use crate::node::context::Shared;
use crate::node::handle::answers::FileInfo;
use crate::node::handle::errors::StatError;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{OwnRecord, StorageError, Store};

/// Returns a page of own files. See [`Handle::list`](crate::node::Handle::list).
pub(in crate::node) async fn list<P: Platform>(
    context: Shared<P>,
    after: Option<Key>,
) -> Result<Vec<FileInfo>, StatError> {
    let page = context.with_keys(move |store, keys| {
        let records = store.list_proved(keys, after.as_ref(), LIST_PAGE_MAX)?;
        records.into_iter().map(|(key, record)| describe(store, key, &record)).collect::<Result<_, _>>()
    });
    page.await.map_err(StatError::Disk)
}

/// Returns what is known of one own file. See [`Handle::stat`](crate::node::Handle::stat).
pub(in crate::node) async fn stat<P: Platform>(context: Shared<P>, key: Key) -> Result<FileInfo, StatError> {
    let info = context.with_keys(move |store, keys| match store.proved(keys, &key)? {
        Some(record) => describe(store, key, &record).map(Some),
        None => Ok(None),
    });
    info.await.map_err(StatError::Disk)?.ok_or(StatError::NotFound)
}

fn describe<D: Disk>(store: &Store<D>, key: Key, record: &OwnRecord) -> Result<FileInfo, StorageError> {
    let is_local = store.has_blob(&BlobId::Own(key.file_name()))?;
    let OwnRecord { seal, modified, .. } = record;
    Ok(FileInfo { key, size: seal.size, version: seal.version, modified: *modified, digest: seal.digest, is_local })
}

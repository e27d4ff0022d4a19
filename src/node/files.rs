//! What a node says of its own files, and deleting local copies.

use super::Shared;
use super::handle::answers::FileInfo;
use super::handle::errors::{DeleteError, StatError};
use crate::crypto::{Key, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::LIST_PAGE_MAX;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{OwnRecord, Store, StoreError};

/// Deletes a local copy. See [`Handle::delete`](super::Handle::delete).
pub(super) async fn delete<P: Platform>(
    inner: Shared<P>,
    key: Key,
    expected: Option<Version>,
) -> Result<(), DeleteError> {
    let file = key.path_name();
    let blob = BlobId::Own(file);
    let _locked = inner.locks.lock(blob).await;
    let known = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let version = store.own(&key)?.map(|record| record.seal.version);
        Ok(if store.has_blob(&blob)? { version } else { None })
    });
    let version = known.await.map_err(DeleteError::Rejected)?.ok_or(DeleteError::NotFound)?;
    if expected.is_some_and(|expected| expected != version) {
        return Err(DeleteError::Changed);
    }
    inner.blocking(move |store| store.remove_blob(&blob)).await.map_err(DeleteError::Unconfirmed)?;
    inner.tell(&Event::FileDeleted { file });
    Ok(())
}

/// A page of own files. See [`Handle::list`](super::Handle::list).
pub(super) async fn list<P: Platform>(inner: Shared<P>, after: Option<Key>) -> Result<Vec<FileInfo>, StatError> {
    let page = inner.blocking(move |store| {
        let records = store.list_own(after.as_ref(), LIST_PAGE_MAX)?;
        records.into_iter().map(|(key, record)| describe(store, key, &record)).collect::<Result<_, _>>()
    });
    page.await.map_err(StatError::Disk)
}

/// One own file. See [`Handle::stat`](super::Handle::stat).
pub(super) async fn stat<P: Platform>(inner: Shared<P>, key: Key) -> Result<FileInfo, StatError> {
    let info = inner.blocking(move |store| match store.own(&key)? {
        Some(record) => describe(store, key, &record).map(Some),
        None => Ok(None),
    });
    info.await.map_err(StatError::Disk)?.ok_or(StatError::NotFound)
}

fn describe<D: Disk>(store: &Store<D>, key: Key, record: &OwnRecord) -> Result<FileInfo, StoreError> {
    let is_local = store.has_blob(&BlobId::Own(key.path_name()))?;
    let OwnRecord { seal, modified, .. } = record;
    Ok(FileInfo { key, size: seal.size, version: seal.version, modified: *modified, digest: seal.digest, is_local })
}

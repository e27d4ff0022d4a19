//! Learning from a peer of a file that the own catalog does not know, or knows in an older version: after the loss of
//! the catalog, or after a store that broke off. What the owner has sealed counts, and the newest counts most.

use std::rc::Rc;

use super::compare;
use crate::crypto::{Entry, HashedKey, Iv, Seal, Tombstone};
use crate::event::Event;
use crate::node::peers::Peer;
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::Message;
use crate::store::layout::BlobId;
use crate::store::{Change, OwnRecord, StoreError};

/// Takes what a peer knows more into the catalog.
pub(super) async fn adopt<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), String> {
    let hashed = entry.hashed;
    let is_newer = match compare::ask(inner, peer, &Message::CheckFile { hashed }).await? {
        Message::Checked { seal, iv, .. } if seal.is_authentic(&inner.keys, hashed) => {
            take(inner, hashed, seal, iv).await?
        }
        Message::Gone(tombstone) if tombstone.is_authentic(&inner.keys, hashed) => {
            bury(inner, hashed, tombstone).await?
        }
        Message::Checked { .. } | Message::Gone(_) => return Err("what it has is not from this node".to_owned()),
        other => return Err(format!("it answered a check with {}", other.name())),
    };
    if is_newer { Ok(()) } else { Err("it does not have what it has listed".to_owned()) }
}

/// True where the file is newer than what the catalog has.
async fn take<P: Platform>(inner: &Shared<P>, hashed: HashedKey, seal: Seal, iv: Iv) -> Result<bool, String> {
    let metadata = seal.metadata.open(&inner.keys).map_err(|error| error.to_string())?;
    let (version, file, key) = (seal.version, metadata.key.path_name(), metadata.key);
    let blob = BlobId::Own(file);
    // A store that is under way comes first; its commit decides.
    let _locked = inner.locks.lock(blob).await;
    let looked_up = key.clone();
    let is_newer = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        store.skip_versions(version)?;
        let known = store.own(&looked_up)?.map(|record| record.seal.version);
        let grave = store.grave(hashed)?.map(|tombstone| tombstone.version);
        Ok(known.max(grave).is_none_or(|ours| ours < version))
    });
    if !said(is_newer.await)? {
        return Ok(false);
    }
    let record = OwnRecord { seal, iv, modified: metadata.modified };
    said(inner.commit(Change::Own(key, hashed, Box::new(record))).await)?;
    inner.tell(&Event::FileAdopted { file, version });
    Ok(true)
}

/// True where the deletion is newer than what the catalog has.
async fn bury<P: Platform>(inner: &Shared<P>, hashed: HashedKey, tombstone: Tombstone) -> Result<bool, String> {
    let key = said(inner.blocking(move |store| store.key_of(hashed)).await)?;
    let blob = key.as_ref().map(|key| BlobId::Own(key.path_name()));
    let _locked = match blob {
        Some(blob) => Some(inner.locks.lock(blob).await),
        None => None,
    };
    let is_newer = inner.blocking(move |store| {
        store.skip_versions(tombstone.version)?;
        let known = match key {
            Some(key) => store.own(&key)?.map(|record| record.seal.version),
            None => None,
        };
        let grave = store.grave(hashed)?.map(|tombstone| tombstone.version);
        Ok(known.max(grave).is_none_or(|ours| ours < tombstone.version))
    });
    if !said(is_newer.await)? {
        return Ok(false);
    }
    said(inner.commit(Change::Deleted(hashed, tombstone)).await)?;
    if let Some(blob) = blob {
        said(inner.blocking(move |store| store.remove_blob(&blob)).await)?;
    }
    Ok(true)
}

fn said<T>(result: Result<T, StoreError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

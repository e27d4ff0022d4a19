//! Learning from a peer of a file that the own catalog does not know, or knows in an older version: after the loss of
//! the catalog, or after a store that broke off. What the owner has sealed counts, and the newest counts most.

use std::rc::Rc;

use super::{compare, relay};
use crate::crypto::{Entry, HashedKey, Iv, Key, Seal, Tombstone};
use crate::event::Event;
use crate::node::config::Mode;
use crate::node::fetch;
use crate::node::peers::Peer;
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::protocol::Message;
use crate::store::layout::BlobId;
use crate::store::{Change, OwnRecord, Store, StoreError};

/// Takes what a peer knows more into the catalog.
pub(super) async fn adopt<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), String> {
    let hashed = entry.hashed;
    let is_newer = match compare::ask(inner, peer, &Message::CheckFile { hashed }).await? {
        Message::Checked { seal, iv, .. } if seal.is_authentic(&inner.keys, hashed) => {
            take(inner, peer, hashed, seal, iv).await?
        }
        Message::Gone(tombstone) if tombstone.is_authentic(&inner.keys, hashed) => {
            bury(inner, hashed, tombstone).await?
        }
        Message::Checked { .. } | Message::Gone(_) => return Err("what it has is not from this node".to_owned()),
        other => return Err(format!("it answered a check with {}", other.name())),
    };
    if is_newer { Ok(()) } else { Err("it does not have what it has listed".to_owned()) }
}

/// True where the file is newer than what the catalog has. What is here, or at other peers, counts until the newer
/// version is in as many places: whoever has it alone may be lost the next moment.
async fn take<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    seal: Seal,
    iv: Iv,
) -> Result<bool, String> {
    let metadata = seal.metadata.open(&inner.keys).map_err(|error| error.to_string())?;
    let (version, file, key) = (seal.version, metadata.key.path_name(), metadata.key);
    let record = OwnRecord { seal, iv, modified: metadata.modified };
    let (blob, looked_up) = (BlobId::Own(file), key.clone());
    let look = move |store: &Store<P::Disk>| {
        store.skip_versions(version)?;
        Ok((store.has_blob(&blob)?, store.own(&looked_up)?.is_some()))
    };
    let (is_local, is_known) = said(inner.blocking(look).await)?;
    let is_newer = if is_local {
        fetch::take_newer(inner, peer, &key).await?
    } else {
        // Who only learns has nothing of an older version that could be lost.
        if is_known && inner.mode == Mode::Normal {
            spread(inner, peer, hashed, &record).await?;
        }
        note(inner, key, hashed, record).await?
    };
    if is_newer {
        inner.tell(&Event::FileAdopted { file, version });
    }
    Ok(is_newer)
}

/// Has every other peer take the newer version. None may be away: it could hold the only copy of what counts so far.
async fn spread<P: Platform>(
    inner: &Shared<P>,
    from: &Rc<Peer<Stream<P>>>,
    hashed: HashedKey,
    record: &OwnRecord,
) -> Result<(), String> {
    if inner.peers.away() > 0 {
        return Err("another peer that may hold it is away".to_owned());
    }
    for to in inner.peers.connected().into_iter().filter(|peer| peer.id != from.id) {
        relay::relay(inner, &to, hashed, record).await?;
    }
    Ok(())
}

/// Writes a record into the catalog, where it is newer than what is there.
async fn note<P: Platform>(inner: &Shared<P>, key: Key, hashed: HashedKey, record: OwnRecord) -> Result<bool, String> {
    let blob = BlobId::Own(key.path_name());
    // A store that is under way comes first; its commit decides.
    let _locked = inner.locks.lock(blob).await;
    let (looked_up, version) = (key.clone(), record.seal.version);
    let is_newer = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let known = store.own(&looked_up)?.map(|record| record.seal.version);
        let grave = store.grave(hashed)?.map(|tombstone| tombstone.version);
        // What has come to this disk meanwhile is not given up for it.
        Ok(known.max(grave).is_none_or(|ours| ours < version) && !store.has_blob(&blob)?)
    });
    if !said(is_newer.await)? {
        return Ok(false);
    }
    said(inner.commit(Change::Own(key, hashed, Box::new(record))).await)
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
    // Where the key was not known, a store of it may have come first.
    if !said(inner.commit(Change::Deleted(hashed, tombstone)).await)? {
        return Ok(false);
    }
    if let Some(blob) = blob {
        said(inner.blocking(move |store| store.forget_blob(&blob)).await)?;
    }
    Ok(true)
}

fn said<T>(result: Result<T, StoreError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

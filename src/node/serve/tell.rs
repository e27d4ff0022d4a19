//! Telling an owner what this node holds of its files, and deleting them at its word.

use std::rc::Rc;

use crate::crypto::{HashedKey, IV_BYTES, Iv, Leaf, NodeId, Tombstone, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CHECK_BYTES_MAX, LEAF_PAGE_MAX};
use crate::node::{Inner, Shared, quota};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::layout::BlobId;
use crate::store::{Change, HeldRecord, Known, Store, StoreError};

use super::refusal_for;

/// The prints of all groups, or of the leaves of one.
pub(super) async fn summarise<P: Platform>(inner: &Inner<P>, owner: NodeId, group: Option<u8>) -> Message {
    let prints = inner.blocking(move |store| {
        store.summary(Some(owner), |summary| match group {
            Some(group) => summary.group(group),
            None => Some(summary.groups()),
        })
    });
    match prints.await {
        Ok(Some(prints)) => Message::Summary(prints),
        Ok(None) => Message::Refused(Refusal::Unexpected),
        Err(error) => Message::Refused(refusal_for(&error)),
    }
}

/// The next page of one leaf.
pub(super) async fn list_leaf<P: Platform>(
    inner: &Inner<P>,
    owner: NodeId,
    leaf: u16,
    after: Option<HashedKey>,
) -> Message {
    let Some(leaf) = Leaf::from_number(leaf) else { return Message::Refused(Refusal::Unexpected) };
    match inner.blocking(move |store| store.leaf(Some(owner), leaf, after, LEAF_PAGE_MAX)).await {
        Ok(page) => Message::Leaf(page),
        Err(error) => Message::Refused(refusal_for(&error)),
    }
}

/// What a look at a replica has found.
enum Looked {
    Nothing,
    Gone(Tombstone),
    Good(HeldRecord, Iv),
    Rotten,
}

/// Whether there is a good replica. One that is not good is not held any more.
pub(super) async fn check<P: Platform>(inner: &Shared<P>, owner: NodeId, hashed: HashedKey) -> Message {
    let blob = BlobId::Held(owner, hashed);
    let _locked = inner.locks.lock(blob).await;
    let looked = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        look_at(store, owner, hashed)
    });
    let mut record = match looked.await {
        Ok(Looked::Nothing) => return Message::NotFound,
        Ok(Looked::Gone(tombstone)) => return Message::Gone(tombstone),
        Ok(Looked::Good(record, iv)) => (record, iv),
        Ok(Looked::Rotten) => {
            set_aside(inner, owner, hashed).await;
            return Message::Refused(Refusal::Rotten);
        }
        Err(error) => return Message::Refused(refusal_for(&error)),
    };
    if record.0.seal.size <= CHECK_BYTES_MAX {
        record.0.verified = inner.platform.now();
    }
    let (HeldRecord { seal, verified, .. }, iv) = record;
    Message::Checked { seal, iv, verified }
}

/// Compares a replica with its seal; of a large one only the length.
fn look_at<D: Disk>(store: &Store<D>, owner: NodeId, hashed: HashedKey) -> Result<Looked, StoreError> {
    let record = match store.held(owner, hashed)? {
        None => return Ok(Looked::Nothing),
        Some(Known::Deleted(tombstone)) => return Ok(Looked::Gone(tombstone)),
        Some(Known::File(record)) => record,
    };
    let blob = BlobId::Held(owner, hashed);
    let Some(mut reader) = store.read_blob(&blob)? else { return Ok(Looked::Rotten) };
    let mut iv = Iv([0; IV_BYTES]);
    let is_good = reader.len() == record.seal.sealed_bytes()
        && reader.read(&mut iv.0)? == IV_BYTES
        && (record.seal.size > CHECK_BYTES_MAX || store.is_good(&blob, &record)?);
    Ok(if is_good { Looked::Good(record, iv) } else { Looked::Rotten })
}

/// Holds a damaged replica no more: its owner sees that at the next heartbeat and sends it again. The caller holds the
/// lock of the replica.
pub(in crate::node) async fn set_aside<P: Platform>(inner: &Inner<P>, owner: NodeId, hashed: HashedKey) {
    // Where the disk fails, the replica stays listed, and the next one who looks at it tries again.
    if inner.commit(Change::Lost(owner, hashed)).await.is_ok() {
        let blob = BlobId::Held(owner, hashed);
        drop(inner.blocking(move |store| store.set_aside(&blob)).await);
        inner.tell(&Event::ReplicaSetAside { owner, replica: hashed });
    }
}

/// Deletes a replica at its owner's word, and remembers that. Durable before it is answered.
pub(super) async fn delete<P: Platform>(
    inner: &Rc<Inner<P>>,
    owner: NodeId,
    hashed: HashedKey,
    tombstone: Tombstone,
) -> Message {
    let blob = BlobId::Held(owner, hashed);
    let _locked = inner.locks.lock(blob).await;
    let held = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let held = store.held(owner, hashed)?;
        let has_room = held.is_some() || quota::has_room_for_grave(store.usage(owner)?);
        Ok((held, has_room))
    });
    match held.await {
        Ok((_, false)) => {
            inner.count_refusal(owner, &Refusal::QuotaDeleted);
            return Message::Refused(Refusal::QuotaDeleted);
        }
        Ok((Some(held), _)) if held.version() > tombstone.version => {
            return Message::Refused(Refusal::Stale { held: held.version() });
        }
        Ok(_) => {}
        Err(error) => return Message::Refused(refusal_for(&error)),
    }
    let known = Known::Deleted(tombstone);
    match inner.commit(Change::Held(owner, hashed, Box::new(known))).await {
        Ok(true) => {}
        Ok(false) => return Message::Refused(Refusal::Stale { held: tombstone.version }),
        Err(_) => return Message::PerhapsStored,
    }
    match inner.blocking(move |store| store.remove_blob(&blob)).await {
        Ok(_) => {
            inner.tell(&Event::ReplicaDeleted { owner, replica: hashed });
            Message::Deleted
        }
        Err(_) => Message::PerhapsStored,
    }
}

/// Holds a replica no more that its owner has placed elsewhere. Durable before it is answered; where a crash comes between,
/// the owner sees at the next heartbeat that it is still listed, and asks again.
pub(super) async fn release<P: Platform>(
    inner: &Rc<Inner<P>>,
    owner: NodeId,
    hashed: HashedKey,
    version: Version,
) -> Message {
    let blob = BlobId::Held(owner, hashed);
    let _locked = inner.locks.lock(blob).await;
    let held = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        match store.held(owner, hashed)? {
            Some(Known::File(record)) if record.seal.version == version => store.remove_blob(&blob).map(|_| None),
            other => Ok(Some(other)),
        }
    });
    match held.await {
        Ok(None) => {}
        Ok(Some(None)) => return Message::Released,
        Ok(Some(Some(held))) => return Message::Refused(Refusal::Stale { held: held.version() }),
        Err(error) => return Message::Refused(refusal_for(&error)),
    }
    match inner.commit(Change::Lost(owner, hashed)).await {
        Ok(_) => {
            inner.tell(&Event::ReplicaReleased { owner, replica: hashed });
            Message::Released
        }
        Err(_) => Message::PerhapsStored,
    }
}

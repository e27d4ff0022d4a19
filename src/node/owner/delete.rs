//! Deletes a file: the local copy alone, or here and at every peer.

use super::holders;
use crate::crypto::{Key, Keys, Tombstone, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::node::context::Shared;
use crate::node::handle::answers::Receipt;
use crate::node::handle::errors::{DeleteError, ReplicaError};
use crate::node::peers::pool::{AskError, ask_all, question};
use crate::platform::Platform;
use crate::protocol::Message;
use crate::store::layout::BlobId;
use crate::store::{Change, OwnRecord, StorageError, Store};

/// Deletes a local copy. See [`Handle::delete`](crate::node::Handle::delete).
pub(in crate::node) async fn here<P: Platform>(
    context: Shared<P>,
    key: Key,
    expected: Option<Version>,
) -> Result<(), DeleteError> {
    let file = key.file_name();
    let blob = BlobId::Own(file);
    let _locked = context.locks.lock(blob).await;
    let record = present(&context, &key).await?;
    if expected.is_some_and(|expected| expected != record.seal.version) {
        return Err(DeleteError::Changed);
    }
    let is_good = expected.is_none() || {
        let looked = context.with_keys(move |store, keys| store.is_good_own(&blob, keys, record.iv, &record.seal));
        match looked.await {
            Err(StorageError::Disk { .. }) => false,
            looked => looked.map_err(DeleteError::Rejected)?,
        }
    };
    if !is_good {
        context.tell(&Event::FileDamaged { file });
    }
    // Bytes that no peer has are kept for people to look at.
    let removed = context.blocking(move |store| match is_good {
        true => store.remove_copy(file),
        false => store.forget_copy(file).and_then(|()| store.set_aside(&blob)),
    });
    match removed.await {
        // The copy is still there.
        Err(full @ StorageError::QuarantineFull) => return Err(DeleteError::Rejected(full)),
        removed => {
            context.mending.note_deletion(file);
            removed.map_err(DeleteError::Unconfirmed)?;
        }
    }
    context.tell(&Event::FileDeleted { file });
    Ok(())
}

/// Has what a deletion everywhere has left of a file go, if it was deleted everywhere. The caller holds the lock of the
/// file.
fn end_deletion<D: Disk>(store: &Store<D>, keys: &Keys, key: &Key) -> Result<(), StorageError> {
    match store.proved_tombstone(keys, keys.replica_name(key))? {
        Some(_) => store.forget_blob(&BlobId::Own(key.file_name())),
        None => Ok(()),
    }
}

/// Returns what the catalog knows of a file that has a local copy. If it has none, what an earlier deletion has left
/// undone is done now. The caller holds the lock of the file.
async fn present<P: Platform>(context: &Shared<P>, key: &Key) -> Result<OwnRecord, DeleteError> {
    let (blob, name) = (BlobId::Own(key.file_name()), key.clone());
    let present = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let Some(record) = store.proved(keys, &name)? else {
            return end_deletion(store, keys, &name).map(|()| None);
        };
        if !store.has_blob(&blob)? {
            // An earlier removal may have taken effect and failed; this makes it durable.
            store.remove_copy(name.file_name())?;
            return Ok(None);
        }
        Ok(Some(record))
    });
    let present = present.await.map_err(DeleteError::Rejected)?;
    if present.is_none() {
        // A copy that was set aside is not to come back either.
        context.mending.note_deletion(key.file_name());
    }
    present.ok_or(DeleteError::NotFound)
}

/// Deletes a local copy if enough peers hold the file. See
/// [`Handle::delete_if_held`](crate::node::Handle::delete_if_held).
pub(in crate::node) async fn if_held<P: Platform>(
    context: Shared<P>,
    key: Key,
    wanted: usize,
    caller_gone: impl Future<Output = ()>,
) -> Result<(), DeleteError> {
    let replica_name = context.keys.replica_name(&key);
    let current = {
        let _locked = context.locks.lock(BlobId::Own(key.file_name())).await;
        present(&context, &key).await?.seal
    };
    let version = current.version;
    let (found, asked) = tokio::select! {
        biased;
        counted = holders::count_verified(&context, replica_name, current, wanted) => counted,
        () = caller_gone => (0, 0),
    };
    if found < wanted {
        return Err(DeleteError::TooFewReplicas { wanted, found, asked });
    }
    // The peers were asked about this version. Another one may be here alone.
    here(context, key, Some(version)).await
}

/// Deletes a file here and at every connected peer; repair tells the peers that are away. See
/// [`Handle::delete_everywhere`](crate::node::Handle::delete_everywhere).
pub(in crate::node) async fn everywhere<P: Platform>(
    context: Shared<P>,
    key: Key,
    expected: Option<Version>,
) -> Result<Vec<Receipt>, DeleteError> {
    let (replica_name, file) = (context.keys.replica_name(&key), key.file_name());
    let blob = BlobId::Own(file);
    let locked = context.locks.lock(blob).await;
    let now = context.platform.now();
    let begun = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        Ok(match store.proved(keys, &key)? {
            Some(record) if expected.is_some_and(|version| version != record.seal.version) => Err(DeleteError::Changed),
            Some(_) => Ok(Tombstone::new(keys, replica_name, store.next_version(now, replica_name)?)),
            None => end_deletion(store, keys, &key).map(|()| Err(DeleteError::NotFound))?,
        })
    });
    let begun: Result<_, StorageError> = begun.await;
    let tombstone = begun.map_err(DeleteError::Rejected)??;
    if !context.commit(Change::Deleted(replica_name, tombstone)).await.map_err(DeleteError::Unconfirmed)? {
        // A later deletion has just been learnt from a peer.
        return Err(DeleteError::NotFound);
    }
    context.peers.note_deletion(tombstone.version);
    context.blocking(move |store| store.forget_blob(&blob)).await.map_err(DeleteError::Unconfirmed)?;
    context.tell(&Event::FileDeletedEverywhere { file });
    drop(locked);
    let message = Message::DeleteFile { replica_name, tombstone };
    let receipts = ask_all(&context, move |context, peer| {
        let message = message.clone();
        async move { Receipt { peer: peer.id, outcome: deleted(question(&context, &peer, &message).await) } }
    });
    Ok(receipts.await)
}

fn deleted(answer: Result<Message, AskError>) -> Result<(), ReplicaError> {
    match answer? {
        Message::Deleted => Ok(()),
        Message::Refused(refusal) => Err(ReplicaError::Refused(refusal)),
        other => Err(ReplicaError::Unconfirmed { reason: format!("it answered a deletion with {}", other.name()) }),
    }
}

//! Lists the own files of a node, and asks the peers which of them hold one.

use crate::crypto::{Key, ReplicaName, Seal};
use crate::disk::Disk;
use crate::limits::LIST_PAGE_MAX;
use crate::node::context::{Context, Shared};
use crate::node::handle::answers::{FileInfo, Holder, Holding};
use crate::node::handle::errors::{ReplicaError, StatError};
use crate::node::peers::pool::{AskError, ask_all, question};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
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

/// Asks every connected peer what it has of a file. See [`Handle::holders`](crate::node::Handle::holders).
pub(in crate::node) async fn holders<P: Platform>(context: Shared<P>, key: Key) -> Result<Vec<Holder>, StatError> {
    let (replica_name, known) = (context.keys.replica_name(&key), key.clone());
    let record = context.with_keys(move |store, keys| store.proved(keys, &known)).await.map_err(StatError::Disk)?;
    let current = record.ok_or(StatError::NotFound)?.seal;
    let asked = ask_all(&context, move |context, peer| {
        let current = current.clone();
        async move {
            let answer = question(&context, &peer, &Message::CheckFile { replica_name }).await;
            Holder { peer: peer.id, holding: holding(&context, replica_name, &current, answer) }
        }
    });
    Ok(asked.await)
}

fn holding<P: Platform>(
    context: &Context<P>,
    replica_name: ReplicaName,
    current: &Seal,
    answer: Result<Message, AskError>,
) -> Holding {
    match answer {
        Ok(Message::Checked { seal, .. }) if !seal.is_authentic(&context.keys, replica_name) => Holding::Damaged,
        Ok(Message::Checked { seal, verified, .. }) if seal == *current => Holding::Current { verified },
        Ok(Message::Checked { seal, .. }) if seal.version < current.version => Holding::Older { version: seal.version },
        Ok(Message::Checked { seal, .. }) => Holding::Other { version: seal.version },
        Ok(Message::NotFound | Message::Gone(_)) => Holding::Nothing,
        Ok(Message::Refused(Refusal::Rotten)) => Holding::Damaged,
        Ok(Message::Refused(refusal)) => Holding::Unknown { reason: refusal.to_string() },
        Ok(other) => Holding::Unknown { reason: format!("it answered a check with {}", other.name()) },
        Err(error) => Holding::Unknown { reason: ReplicaError::from(error).to_string() },
    }
}

fn describe<D: Disk>(store: &Store<D>, key: Key, record: &OwnRecord) -> Result<FileInfo, StorageError> {
    let is_local = store.has_blob(&BlobId::Own(key.file_name()))?;
    let OwnRecord { seal, modified, .. } = record;
    Ok(FileInfo { key, size: seal.size, version: seal.version, modified: *modified, digest: seal.digest, is_local })
}

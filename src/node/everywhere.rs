//! Calls about the copies at the peers: who holds a file, and deleting it everywhere.

use std::rc::Rc;

use super::handle::answers::{Holder, Holding, Receipt};
use super::handle::errors::{DeleteError, ReplicaError, StatError};
use super::peers::{self, Peer};
use super::{Inner, Shared, Stream};
use crate::crypto::{HashedKey, Key, Tombstone, Version};
use crate::event::Event;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::layout::BlobId;
use crate::store::{Change, StoreError};

/// Asks every connected peer. See [`Handle::holders`](super::Handle::holders).
pub(super) async fn holders<P: Platform>(inner: Shared<P>, key: Key) -> Result<Vec<Holder>, StatError> {
    let (hashed, known) = (inner.keys.hashed(&key), key.clone());
    let record = inner.blocking(move |store| store.own(&known)).await.map_err(StatError::Disk)?;
    let version = record.ok_or(StatError::NotFound)?.seal.version;
    let asked = ask_all(&inner, move |inner, peer| async move {
        let question = Message::CheckFile { hashed };
        let answer = exchange(&inner, &peer, &question).await;
        Holder { peer: peer.id, holding: holding(&inner, hashed, version, answer) }
    });
    Ok(asked.await)
}

fn holding<P: Platform>(
    inner: &Inner<P>,
    hashed: HashedKey,
    current: Version,
    answer: Result<Message, ReplicaError>,
) -> Holding {
    match answer {
        Ok(Message::Checked { seal, .. }) if !seal.is_authentic(&inner.keys, hashed) => Holding::Damaged,
        Ok(Message::Checked { seal, verified, .. }) if seal.version >= current => Holding::Current { verified },
        Ok(Message::Checked { seal, .. }) => Holding::Older { version: seal.version },
        Ok(Message::NotFound | Message::Gone(_)) => Holding::Nothing,
        Ok(Message::Refused(Refusal::Rotten)) => Holding::Damaged,
        Ok(Message::Refused(refusal)) => Holding::Unknown { reason: refusal.to_string() },
        Ok(other) => Holding::Unknown { reason: format!("it answered a check with {}", other.name()) },
        Err(error) => Holding::Unknown { reason: error.to_string() },
    }
}

/// Deletes a file here and at every connected peer; repair tells those that are away. See
/// [`Handle::delete_everywhere`](super::Handle::delete_everywhere).
pub(super) async fn delete<P: Platform>(
    inner: Shared<P>,
    key: Key,
    expected: Option<Version>,
) -> Result<Vec<Receipt>, DeleteError> {
    let (hashed, file) = (inner.keys.hashed(&key), key.path_name());
    let blob = BlobId::Own(file);
    let locked = inner.locks.lock(blob).await;
    let begun = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        Ok(match store.own(&key)? {
            Some(record) if expected.is_some_and(|version| version != record.seal.version) => Err(DeleteError::Changed),
            Some(_) => Ok(Tombstone::new(keys, hashed, store.next_version()?)),
            None => Err(DeleteError::NotFound),
        })
    });
    let begun: Result<_, StoreError> = begun.await;
    let tombstone = begun.map_err(DeleteError::Rejected)??;
    if !inner.commit(Change::Deleted(hashed, tombstone)).await.map_err(DeleteError::Unconfirmed)? {
        // A later deletion was learnt from a peer just now.
        return Err(DeleteError::NotFound);
    }
    inner.blocking(move |store| store.forget_blob(&blob)).await.map_err(DeleteError::Unconfirmed)?;
    inner.tell(&Event::FileDeletedEverywhere { file });
    drop(locked);
    let question = Message::DeleteFile { hashed, tombstone };
    let receipts = ask_all(&inner, move |inner, peer| {
        let question = question.clone();
        async move { Receipt { peer: peer.id, outcome: deleted(exchange(&inner, &peer, &question).await) } }
    });
    Ok(receipts.await)
}

fn deleted(answer: Result<Message, ReplicaError>) -> Result<(), ReplicaError> {
    match answer? {
        Message::Deleted => Ok(()),
        Message::Refused(refusal) => Err(ReplicaError::Refused(refusal)),
        other => Err(ReplicaError::Unconfirmed { reason: format!("it answered a deletion with {}", other.name()) }),
    }
}

/// Asks every connected peer at the same time, in tasks of their own, and collects what comes of it.
async fn ask_all<P: Platform, T: 'static, F>(
    inner: &Shared<P>,
    ask: impl Fn(Shared<P>, Rc<Peer<Stream<P>>>) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + 'static,
{
    let start = |peer: Rc<Peer<Stream<P>>>| {
        let (done, answer) = tokio::sync::oneshot::channel();
        let asking = ask(inner.clone(), peer);
        inner.spawn(async move { drop(done.send(asking.await)) });
        answer
    };
    let started: Vec<_> = inner.peers.connected().into_iter().map(start).collect();
    let mut answers = Vec::new();
    for answer in started {
        answers.push(answer.await.expect("an asking task ends with an answer"));
    }
    answers
}

/// Asks one question of one peer. Before it is sent nothing has happened; after that, who knows.
async fn exchange<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    question: &Message,
) -> Result<Message, ReplicaError> {
    let asked = peers::ask(inner, peer).await;
    let mut asking = asked.map_err(|reason| ReplicaError::Unreachable { reason })?;
    let answer: Result<Message, WireError> = asking.exchange(question).await;
    let answer = answer?;
    asking.done();
    Ok(answer)
}

//! Learns from a peer of a file that the own catalog does not know, or knows in an older version: after the loss of the
//! catalog, or after a store that broke off. Only what this node has sealed counts, and of that the newest version.

use std::rc::Rc;

use super::error::{RepairError, other_answer};
use super::{forget, mend, relay};
use crate::crypto::{Iv, Key, ReplicaName, Seal, Tombstone, Version};
use crate::event::Event;
use crate::node::config::Mode;
use crate::node::context::{Shared, Stream};
use crate::node::owner::get::{NewerError, ReceiveError, take_newer};
use crate::node::owner::rollback;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::node::peers::status::away;
use crate::platform::Platform;
use crate::protocol::Message;
use crate::replication::Entry;
use crate::store::layout::BlobId;
use crate::store::{Change, OwnRecord, StorageError};

/// What came of the record of a file that a peer has proved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// It is in the catalog.
    Newer,
    /// The catalog has this version already, perhaps from another peer, or a newer one.
    Known,
    /// An older version counts, and other peers have it: its record must not go before the newer one is with them.
    RecordKept,
    /// There is a local copy, and it must not go before the newer one is here.
    CopyKept,
}

/// Takes into the catalog what a peer knows of a file and the catalog does not. Fails if the peer proves less than it
/// has listed.
pub(super) async fn learn<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), RepairError> {
    let replica_name = entry.replica_name;
    let answer = question(context, peer, &Message::CheckFile { replica_name }).await?;
    let version = match &answer {
        Message::Checked { seal, .. } => seal.version,
        Message::Gone(tombstone) => tombstone.version,
        _ => Version(0),
    };
    learn_from(context, peer, replica_name, answer).await?;
    if version < entry.version { Err(RepairError::NotListed) } else { Ok(()) }
}

/// Takes into the catalog what a peer's answer to a check proves, if it is newer.
pub(super) async fn learn_from<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    answer: Message,
) -> Result<(), RepairError> {
    match answer {
        Message::Checked { seal, iv, .. } if seal.is_authentic(&context.keys, replica_name) => {
            take(context, peer, replica_name, seal, iv).await
        }
        Message::Gone(tombstone) if tombstone.is_authentic(&context.keys, replica_name) => {
            match forget::is_forgotten(context, replica_name, tombstone.version).await? {
                true => mend::drop_held(context, peer, &Entry::deleted(replica_name, tombstone.version)).await,
                false => note_deletion(context, replica_name, tombstone).await,
            }
        }
        Message::Checked { .. } | Message::Gone(_) => Err(RepairError::NotOurs),
        Message::NotFound => Err(RepairError::NotListed),
        other => Err(other_answer("a check", other)),
    }
}

/// Learns of a file that is newer than what the catalog has. The older version, here or at other peers, counts until
/// the newer one is in as many places: a peer that alone has the newer one may be lost the next moment.
async fn take<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    seal: Seal,
    iv: Iv,
) -> Result<(), RepairError> {
    let metadata = seal.metadata.open(&context.keys)?;
    let (version, file, key) = (seal.version, metadata.key.file_name(), metadata.key);
    let record = OwnRecord { seal, iv, modified: metadata.modified };
    if rollback::meet(context, replica_name, version).await? {
        let _locked = context.locks.lock(BlobId::Own(file)).await;
        if rollback::renew(context, record.entry(replica_name)).await? {
            return Ok(());
        }
    }
    let note = |may_replace| note_file(context, &key, replica_name, &record, may_replace);
    let mut noted = note(false).await?;
    // A node that only learns sends nothing, and so takes it.
    let is_to_spread = noted == Noted::RecordKept && context.owner.mode == Mode::Normal;
    if is_to_spread && spread(context, peer, replica_name, &record).await {
        noted = note(true).await?;
    }
    if matches!(noted, Noted::RecordKept | Noted::CopyKept) {
        noted = match take_newer(context, peer, &key).await {
            Ok(true) => Noted::Newer,
            // Another repair, or a store, may have been faster.
            Ok(false) | Err(NewerError::Receive(ReceiveError::Outdated)) => note(false).await?,
            Err(error) => return Err(error.into()),
        };
    }
    match noted {
        Noted::Newer => context.tell(&Event::FileLearnt { file, version }),
        Noted::Known => {}
        Noted::RecordKept | Noted::CopyKept => return Err(RepairError::NotListed),
    }
    Ok(())
}

/// Has every other peer take the newer version. Returns false if one does not, or is away and so perhaps keeps the only
/// copy of the version that counts so far: this node then takes the newer version itself, so that it is in two places
/// at least.
async fn spread<P: Platform>(
    context: &Shared<P>,
    from: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    record: &OwnRecord,
) -> bool {
    let mut is_everywhere = away(context, &[]) == 0;
    for to in context.peers.connected().into_iter().filter(|peer| peer.id != from.id) {
        let held = question(context, &to, &Message::CheckFile { replica_name }).await;
        if matches!(held, Ok(Message::Checked { seal, .. }) if seal == record.seal) {
            continue;
        }
        is_everywhere &= relay::relay(context, &to, replica_name, record).await.is_ok();
    }
    is_everywhere
}

/// Writes a record into the catalog if it is newer than what is there, and nothing is lost by it: no local copy, and no
/// older record unless `may_replace`. Another repair may write one at any moment before the file is locked.
async fn note_file<P: Platform>(
    context: &Shared<P>,
    key: &Key,
    replica_name: ReplicaName,
    record: &OwnRecord,
    may_replace: bool,
) -> Result<Noted, RepairError> {
    let blob = BlobId::Own(key.file_name());
    // A store that is under way comes first, and its commit decides.
    let _locked = context.locks.lock(blob).await;
    let (looked_up, version) = (key.clone(), record.seal.version);
    let looked = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        let newest = store.newest_proved(keys, Some(&looked_up), replica_name)?;
        Ok(match newest {
            Some(ours) if ours >= version => Noted::Known,
            _ if store.has_blob(&blob)? => Noted::CopyKept,
            _ if !may_replace && store.proved(keys, &looked_up)?.is_some() => Noted::RecordKept,
            _ => Noted::Newer,
        })
    });
    let looked: Result<_, StorageError> = looked.await;
    let change = match looked? {
        Noted::Newer => Change::Own(key.clone(), replica_name, Box::new(record.clone())),
        kept => return Ok(kept),
    };
    Ok(if context.commit(change).await? { Noted::Newer } else { Noted::Known })
}

/// Learns of a deletion that is newer than what the catalog has.
async fn note_deletion<P: Platform>(
    context: &Shared<P>,
    replica_name: ReplicaName,
    tombstone: Tombstone,
) -> Result<(), RepairError> {
    let (key, locked) = context.lock_named(replica_name).await?;
    let blob = key.as_ref().map(|key| BlobId::Own(key.file_name()));
    let is_of_other_life = rollback::meet(context, replica_name, tombstone.version).await?;
    if is_of_other_life && rollback::renew(context, Entry::deleted(replica_name, tombstone.version)).await? {
        return Ok(());
    }
    let is_newer = context.with_keys(move |store, keys| {
        let newest = store.newest_proved(keys, key.as_ref(), replica_name)?;
        let is_newer = newest.is_none_or(|ours| ours < tombstone.version);
        if let Some(key) = key.filter(|_| is_newer && is_of_other_life) {
            rollback::keep_copy(store, &key)?;
        }
        Ok(is_newer)
    });
    let is_newer: Result<_, StorageError> = is_newer.await;
    if !is_newer? || !context.commit(Change::Deleted(replica_name, tombstone)).await? {
        return Ok(());
    }
    context.peers.note_deletion(tombstone.version);
    match blob {
        Some(blob) => context.blocking(move |store| store.forget_blob(&blob)).await?,
        None => {
            // A store locks the file before the name.
            drop(locked);
            forget_copy_of(context, replica_name).await?;
        }
    }
    Ok(())
}

/// Removes the local copy of a deleted file whose key was not known: a get may have brought it just before. A store may
/// have brought a newer version since.
async fn forget_copy_of<P: Platform>(context: &Shared<P>, replica_name: ReplicaName) -> Result<(), RepairError> {
    let named: Result<_, StorageError> = context.blocking(move |store| store.tombstone_name(replica_name)).await;
    let Some(file) = named? else { return Ok(()) };
    let blob = BlobId::Own(file);
    let _locked = context.locks.lock(blob).await;
    let forgotten = context.blocking(move |store| match store.tombstone(replica_name)? {
        Some(_) => store.forget_blob(&blob),
        None => Ok(()),
    });
    Ok(forgotten.await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::node::tests::{Idle, poll_once, run};
    use crate::store::layout;
    use crate::store::tests::{key, write};
    use crate::time::UnixMillis;

    #[test]
    fn no_copy_is_left_of_a_deleted_file_whose_key_came_with_a_get_meanwhile() {
        for steps in 0..8 {
            run(async move {
                let node = Idle::new();
                let (store, place, key) = (&node.context.store, &node.place, key("a"));
                let (name, blob) = (place.keys.replica_name(&key), BlobId::Own(key.file_name()));
                let (_, mut held_up) = node.hold_up().await;
                let tombstone = Tombstone::new(&place.keys, name, Version(7));
                let mut learning = Box::pin(note_deletion(&node.context, name, tombstone));
                for _ in 0..steps {
                    drop(poll_once(&mut learning).await);
                    let (is_next, next) = node.hold_up().await;
                    drop(std::mem::replace(&mut held_up, next));
                    is_next.await.expect("the work before it ends");
                }
                // What a get that was under way does at its end, if the deletion does not count yet.
                if store.commit(&[place.stored(&key, Version(5), b"content")]).expect("a good disk") {
                    write(store, blob, Version(5), b"content");
                }
                drop(held_up);
                learning.await.expect("a good disk");
                assert!(!store.has_blob(&blob).expect("a good disk"), "after {steps} steps");
            });
        }
    }

    #[test]
    fn a_copy_is_kept_only_of_what_another_life_has_deleted() {
        run(async {
            let node = Idle::new();
            let (store, place) = (&node.context.store, &node.place);
            store.skip_versions(Version(10)).expect("a good disk");
            let issued = |name| store.next_version(UnixMillis(0), name).expect("a good disk");
            for (text, is_of_other_life) in [("a", false), ("b", true)] {
                let (key, name) = (key(text), place.keys.replica_name(&key(text)));
                store.commit(&[place.stored(&key, Version(1), b"content")]).expect("a good disk");
                write(store, BlobId::Own(key.file_name()), Version(1), b"content");
                let version = if is_of_other_life { Version(1 << 40) } else { issued(name) };
                let tombstone = Tombstone::new(&place.keys, name, version);
                note_deletion(&node.context, name, tombstone).await.expect("a good disk");
                assert!(!store.has_blob(&BlobId::Own(key.file_name())).expect("a good disk"));
                let kept = place.disk.open(&layout::kept(key.file_name(), Version(1)));
                assert_eq!(kept.is_ok(), is_of_other_life, "{text}");
            }
        });
    }
}

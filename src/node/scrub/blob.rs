//! Compares one blob with the catalog.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use super::notes::Notes;
use crate::crypto::{Key, NodeId, ReplicaName};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CHECK_BYTES_MAX, LIST_PAGE_MAX};
use crate::node::context::Shared;
use crate::node::handle::errors::GetError;
use crate::node::holder::set_aside::set_aside;
use crate::node::holder::verify::{self, is_still};
use crate::node::owner::get::{Purpose, get};
use crate::node::owner::local_copy::{self, LocalCopy};
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{Comparison, HeldRecord, Known, StorageError};

/// How often a replica that the disk does not give is looked at, and how long after the last time: a bus may have been
/// reset. Chosen: a drive tries for a few seconds by itself.
const LOOKS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What became of one file.
pub(super) enum Outcome {
    /// The disk has no copy of the file, and needs none.
    Absent,
    Good,
    /// An own file was damaged, and was deleted meanwhile.
    Damaged,
    /// A replica was damaged, and was set aside.
    SetAside,
    /// A replica was not there any more.
    Gone,
    Restored,
    /// An own file was damaged, and no peer has given it so far.
    Missing,
    Failed,
}

/// Scrubs an own file. A good copy of a peer takes the place of one that is not. Until there is one, what is there
/// stays: each later scrub finds it again.
pub(super) async fn own<P: Platform>(context: &Shared<P>, key: &Key, notes: &mut Notes) -> Outcome {
    let blob = BlobId::Own(key.file_name());
    let locked = context.locks.lock(blob).await;
    let mend = Purpose::Mend(context.mending.begin(key.file_name()));
    let (looked_up, file) = (key.clone(), key.file_name());
    let looked = context.with_keys(move |store, keys| {
        let was_obstructed = store.clear_way(&blob)?;
        let noted = store.copy(file)?;
        Ok::<_, StorageError>((was_obstructed, noted, local_copy::look_at_disk(store, keys, &looked_up)?))
    });
    let looked = looked.await;
    drop(locked);
    let looked = match looked {
        Ok((was_obstructed, noted, look)) => look.verified(context).await.map(|local| (was_obstructed, noted, local)),
        Err(error) => Err(error),
    };
    let is_damaged = match looked {
        Ok((_, noted, LocalCopy::Good(record, _))) => {
            if noted != Some(record.seal.version) {
                notes.add(context, key.clone(), record.seal.version).await;
            }
            return Outcome::Good;
        }
        Ok((was_obstructed, noted, LocalCopy::Absent(record))) => {
            // It was here, and nobody has removed it.
            let is_missed = record.is_some_and(|record| noted == Some(record.seal.version));
            if !was_obstructed && !is_missed {
                return Outcome::Absent;
            }
            context.tell(&Event::FileDamaged { file: key.file_name() });
            true
        }
        Ok((_, _, LocalCopy::Damaged(_))) => true,
        // It may be good.
        Ok((_, _, LocalCopy::Unreadable(..))) => false,
        Err(error) => return failure(context, &error, key),
    };
    match get(context.clone(), key.clone(), mend, pending()).await {
        Ok(fetched) if fetched.from.is_none() => Outcome::Good,
        Ok(_) => Outcome::Restored,
        // It was deleted meanwhile.
        Err(GetError::Deleted | GetError::NotFound { .. }) if is_damaged => Outcome::Damaged,
        Err(GetError::Deleted | GetError::NotFound { .. }) => Outcome::Absent,
        Err(GetError::Disk(StorageError::QuarantineFull)) => Outcome::Failed,
        Err(_) if is_damaged => Outcome::Missing,
        Err(_) => Outcome::Failed,
    }
}

fn failure<P: Platform>(context: &Shared<P>, error: &StorageError, key: &Key) -> Outcome {
    if matches!(error, StorageError::QuarantineFull) {
        context.tell(&Event::QuarantineFull { file: key.file_name() });
    }
    Outcome::Failed
}

/// Removes the local copies of deleted files that a crash has left behind. Returns how many could not be removed.
pub(super) async fn remove_deleted<P: Platform>(context: &Shared<P>) -> u64 {
    let (mut after, mut failed) = (None, 0);
    loop {
        let page = match context.blocking(move |store| store.list_tombstones(after, LIST_PAGE_MAX)).await {
            Ok(page) => page,
            Err(_) => return failed + 1,
        };
        let Some((last, _)) = page.last() else { return failed };
        after = Some(*last);
        for (replica_name, name) in page {
            let blob = BlobId::Own(name);
            let _locked = context.locks.lock(blob).await;
            let removed = context.blocking(move |store| match store.tombstone(replica_name)? {
                Some(_) => store.forget_blob(&blob),
                None => Ok(()),
            });
            failed += u64::from(removed.await.is_err());
        }
    }
}

/// What a look at a replica has found.
enum Looked<F> {
    /// Nothing is held under the name.
    Nothing,
    /// The replica is good, or is not.
    Small(Box<HeldRecord>, bool),
    /// It is large, and is compared while others may have it.
    Large(Box<HeldRecord>, Box<Comparison<F>>),
}

/// Scrubs a replica. Whoever asks for a large one does not wait for the end of the comparison.
pub(super) async fn held<P: Platform>(context: &Shared<P>, owner: NodeId, replica_name: ReplicaName) -> Outcome {
    let blob = BlobId::Held(owner, replica_name);
    let mut locked = context.locks.lock(blob).await;
    let mut looks = 0;
    loop {
        looks += 1;
        let compared = match look_at(context, owner, replica_name).await {
            Ok(Looked::Nothing) => return Outcome::Absent,
            Ok(Looked::Small(record, is_good)) => Ok((record, is_good)),
            Ok(Looked::Large(record, comparison)) => {
                drop(locked);
                let compared = compare(context, comparison).await;
                locked = context.locks.lock(blob).await;
                match is_still(context, owner, replica_name, &record).await {
                    // Another one has taken its place, and was compared as it came.
                    Ok(false) => return Outcome::Absent,
                    still => still.and(compared).map(|is_good| (record, is_good)),
                }
            }
            Err(error) => Err(error),
        };
        match compared {
            Ok((record, true)) => {
                verify::note(context, owner, replica_name, record.seal.version).await;
                return Outcome::Good;
            }
            Ok((_, false)) => break,
            Err(error) => {
                if !context
                    .blocking(move |store| store.is_unreadable(&blob, &error) && store.has_place_aside(&blob))
                    .await
                {
                    return Outcome::Failed;
                }
            }
        }
        if looks == LOOKS {
            break;
        }
        sleep(LOOK_AGAIN).await;
    }
    let was_there = set_aside(context, owner, replica_name).await;
    was_there.map_or(Outcome::Failed, |was_there| if was_there { Outcome::SetAside } else { Outcome::Gone })
}

/// Compares a large replica, a part at a time.
async fn compare<P: Platform>(
    context: &Shared<P>,
    mut comparison: Box<Comparison<<P::Disk as Disk>::File>>,
) -> Result<bool, StorageError> {
    loop {
        let compared;
        (comparison, compared) = context
            .blocking(move |_| {
                let compared = comparison.go_on(CHECK_BYTES_MAX);
                (comparison, compared)
            })
            .await;
        if let Some(is_good) = compared? {
            return Ok(is_good);
        }
    }
}

/// Compares a replica with its record, or begins to. The caller holds the lock of the replica.
async fn look_at<P: Platform>(
    context: &Shared<P>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<Looked<<P::Disk as Disk>::File>, StorageError> {
    let blob = BlobId::Held(owner, replica_name);
    let looked = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        store.clear_way(&blob)?;
        match store.held(owner, replica_name)? {
            None => Ok(Looked::Nothing),
            Some(Known::Deleted(_)) => {
                // A crash between the commit of the deletion and the removal leaves the sealed bytes behind.
                store.forget_blob(&blob)?;
                Ok(Looked::Nothing)
            }
            Some(Known::File(record)) if record.seal.size > CHECK_BYTES_MAX => {
                let comparison = store.compare(&blob, &record)?;
                let record = Box::new(record);
                Ok(match comparison {
                    Some(comparison) => Looked::Large(record, Box::new(comparison)),
                    None => Looked::Small(record, false),
                })
            }
            Some(Known::File(record)) => {
                let is_good = store.is_good(&blob, &record)?;
                Ok(Looked::Small(Box::new(record), is_good))
            }
        }
    });
    looked.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Version;
    use crate::node::tests::{Idle, poll_once, run};
    use crate::store::Change;
    use crate::store::tests::{held as record_of, key, write};

    /// A content, or sealed bytes, of a file that takes long to compare.
    fn large() -> Vec<u8> {
        vec![7; usize::try_from(CHECK_BYTES_MAX).expect("it fits") + 100]
    }

    /// Whether a scrub that has looked at a blob, and still compares it, leaves its lock to others.
    async fn is_free_meanwhile(node: &Idle, blob: BlobId, scrub: impl Future<Output = Outcome>) -> bool {
        let (_, first) = node.hold_up().await;
        let mut scrubbed = Box::pin(scrub);
        assert!(poll_once(&mut scrubbed).await.is_pending());
        let (has_looked, second) = node.hold_up().await;
        drop(first);
        has_looked.await.expect("it looks at the file");
        assert!(poll_once(&mut scrubbed).await.is_pending(), "it compares the file");
        let is_free = poll_once(&mut Box::pin(node.context.locks.lock(blob))).await.is_ready();
        drop(second);
        assert!(matches!(scrubbed.await, Outcome::Good));
        is_free
    }

    #[test]
    fn a_large_file_is_not_locked_while_a_scrub_compares_it() {
        run(async {
            let node = Idle::new();
            let (context, place, key) = (&node.context, &node.place, key("a"));
            let (content, own) = (large(), BlobId::Own(key.file_name()));
            context.store.commit(&[place.stored(&key, Version(1), &content)]).expect("a good disk");
            write(&context.store, own, Version(1), &content);
            assert!(is_free_meanwhile(&node, own, super::own(context, &key, &mut Notes::default())).await);
        });
    }

    #[test]
    fn a_large_replica_is_not_locked_while_a_scrub_compares_it() {
        run(async {
            let node = Idle::new();
            let (context, place, sealed) = (&node.context, &node.place, large());
            let (owner, replica_name) = (NodeId([9; 32]), ReplicaName([1; 16]));
            let record = record_of(place.seal(&key("a"), Version(1), &sealed));
            let change = Change::Held(owner, replica_name, Box::new(Known::File(record)));
            context.store.commit(&[change]).expect("a good disk");
            let blob = BlobId::Held(owner, replica_name);
            write(&context.store, blob, Version(1), &sealed);
            assert!(is_free_meanwhile(&node, blob, held(context, owner, replica_name)).await);
        });
    }

    #[test]
    fn a_damaged_file_that_is_deleted_meanwhile_is_not_missing() {
        run(async {
            let node = Idle::new();
            let (context, place) = (&node.context, &node.place);
            for (text, is_deleted) in [("a", false), ("b", true)] {
                let key = key(text);
                context.store.commit(&[place.stored(&key, Version(1), b"content")]).expect("a good disk");
                write(&context.store, BlobId::Own(key.file_name()), Version(1), b"damaged");
                let (_, first) = node.hold_up().await;
                let mut notes = Notes::default();
                let mut scrubbed = Box::pin(own(context, &key, &mut notes));
                assert!(poll_once(&mut scrubbed).await.is_pending());
                let (has_looked, second) = node.hold_up().await;
                drop(first);
                has_looked.await.expect("it looks at the file");
                assert!(poll_once(&mut scrubbed).await.is_pending());
                if is_deleted {
                    context.store.commit(&[place.deleted(&key, Version(2))]).expect("a good disk");
                }
                drop(second);
                let outcome = scrubbed.await;
                assert!(matches!(outcome, Outcome::Damaged) == is_deleted, "{text}");
                assert!(matches!(outcome, Outcome::Missing) != is_deleted, "{text}");
                let told = node.told().contains(&Event::FileDamaged { file: key.file_name() });
                assert!(told != is_deleted, "{text}");
            }
        });
    }
}

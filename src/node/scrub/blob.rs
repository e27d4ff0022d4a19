//! Compares one blob with the catalog.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use crate::crypto::{Key, NodeId, ReplicaName, Version};
use crate::event::Event;
use crate::limits::LIST_PAGE_MAX;
use crate::node::context::Shared;
use crate::node::handle::errors::GetError;
use crate::node::holder::set_aside::set_aside;
use crate::node::holder::verify;
use crate::node::owner::get::{Purpose, get};
use crate::node::owner::local_copy::{self, LocalCopy};
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{Known, StorageError};

/// How often a replica that the disk does not give is looked at, and how long after the last time: a bus may have been
/// reset. Chosen: a drive tries for a few seconds by itself.
const LOOKS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What became of one file.
pub(super) enum Outcome {
    /// The disk has no copy of the file, and needs none.
    Absent,
    Good,
    Damaged,
    Restored,
    /// An own file was damaged, and no peer has given it so far.
    Missing,
    Failed,
}

/// Scrubs an own file. A good copy of a peer takes the place of one that is not. Until there is one, what is there
/// stays: each later scrub finds it again.
pub(super) async fn own<P: Platform>(context: &Shared<P>, key: &Key) -> Outcome {
    let blob = BlobId::Own(key.file_name());
    let locked = context.locks.lock(blob).await;
    let mend = Purpose::Mend(context.mending.begin(key.file_name()));
    let looked_up = key.clone();
    let looked = context.with_keys(move |store, keys| {
        let was_obstructed = store.clear_way(&blob)?;
        Ok::<_, StorageError>((was_obstructed, local_copy::look_at_disk(store, keys, &looked_up)?))
    });
    let is_damaged = match looked.await {
        Ok((_, LocalCopy::Good(..))) => return Outcome::Good,
        Ok((false, LocalCopy::Absent(_))) => return Outcome::Absent,
        Ok((true, LocalCopy::Absent(_))) => {
            context.tell(&Event::FileDamaged { file: key.file_name() });
            true
        }
        Ok((_, LocalCopy::Damaged(_))) => true,
        // It may be good.
        Ok((_, LocalCopy::Unreadable(..))) => false,
        Err(error) => return failure(context, &error, key),
    };
    drop(locked);
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

/// Scrubs a replica.
pub(super) async fn held<P: Platform>(context: &Shared<P>, owner: NodeId, replica_name: ReplicaName) -> Outcome {
    let blob = BlobId::Held(owner, replica_name);
    let _locked = context.locks.lock(blob).await;
    let mut looks = 0;
    loop {
        looks += 1;
        match look_at(context, owner, replica_name).await {
            Ok((Outcome::Good, version)) => {
                verify::note(context, owner, replica_name, version).await;
                return Outcome::Good;
            }
            Ok((Outcome::Damaged, _)) => break,
            Ok((outcome, _)) => return outcome,
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
    set_aside(context, owner, replica_name).await;
    Outcome::Damaged
}

/// Compares a replica with its record. The caller holds the lock of the replica.
async fn look_at<P: Platform>(
    context: &Shared<P>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<(Outcome, Version), StorageError> {
    let blob = BlobId::Held(owner, replica_name);
    let looked = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        store.clear_way(&blob)?;
        match store.held(owner, replica_name)? {
            None => Ok((Outcome::Absent, Version(0))),
            Some(Known::Deleted(_)) => {
                // A crash between the commit of the deletion and the removal leaves the sealed bytes behind.
                store.forget_blob(&blob)?;
                Ok((Outcome::Absent, Version(0)))
            }
            Some(Known::File(record)) => {
                let is_good = store.is_good(&blob, &record)?;
                Ok((if is_good { Outcome::Good } else { Outcome::Damaged }, record.seal.version))
            }
        }
    });
    looked.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::{Idle, poll_once, run};
    use crate::store::tests::{key, write};

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
                let mut scrubbed = Box::pin(own(context, &key));
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

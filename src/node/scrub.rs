//! Scrubs: compares every blob of the data directory with the catalog, in the background and on demand. What is damaged
//! is set aside. A replica is then sent again by its owner; an own file is fetched from a peer.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::context::Shared;
use super::handle::answers::Scrubbed;
use super::holder::set_aside::set_aside;
use super::owner::get::get;
use super::owner::local_copy::{self, LocalCopy};
use crate::crypto::{Key, NodeId, ReplicaName};
use crate::event::Event;
use crate::limits::{LIST_PAGE_MAX, SCRUB_BYTES_PER_SECOND, SCRUB_INTERVAL};
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{Known, StorageError};

/// How fast a scrub goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A caller waits for the scrub.
    AtOnce,
    /// The scrub must not slow down anything else.
    Slow,
}

/// Scrubs for as long as the node runs: an interval after the start, and then an interval after the end of each scrub.
pub(super) async fn run<P: Platform>(context: Shared<P>) {
    loop {
        sleep(SCRUB_INTERVAL).await;
        all(&context, Pace::Slow, None).await;
    }
}

/// Scrubs once, as fast as the disk goes. Sends its progress to `told` after each file, if that has room.
pub(super) async fn now<P: Platform>(context: Shared<P>, told: mpsc::Sender<Scrubbed>) -> Scrubbed {
    all(&context, Pace::AtOnce, Some(told)).await
}

async fn all<P: Platform>(context: &Shared<P>, pace: Pace, told: Option<mpsc::Sender<Scrubbed>>) -> Scrubbed {
    let mut scrubbed = Scrubbed::default();
    let mut after = None;
    while let Some(next) = next_own(context, after.as_ref()).await.transpose() {
        let Ok((key, bytes)) = next else {
            note(&mut scrubbed, Outcome::Failed, 0, pace, told.as_ref()).await;
            break;
        };
        let outcome = own(context, &key).await;
        after = Some(key);
        note(&mut scrubbed, outcome, bytes, pace, told.as_ref()).await;
    }
    scrubbed.failed += remove_deleted(context).await;
    let mut after = None;
    while let Some(next) = next_held(context, after).await.transpose() {
        let Ok((owner, replica_name, bytes)) = next else {
            note(&mut scrubbed, Outcome::Failed, 0, pace, told.as_ref()).await;
            break;
        };
        let outcome = held(context, owner, replica_name).await;
        after = Some((owner, replica_name));
        note(&mut scrubbed, outcome, bytes, pace, told.as_ref()).await;
    }
    context.tell(&Event::Scrubbed { checked: scrubbed.checked, damaged: scrubbed.damaged });
    scrubbed
}

/// What became of one file.
enum Outcome {
    /// The disk has no copy of the file, and needs none.
    Absent,
    Good,
    Damaged,
    Restored,
    Failed,
}

async fn note(
    scrubbed: &mut Scrubbed,
    outcome: Outcome,
    bytes: u64,
    pace: Pace,
    told: Option<&mpsc::Sender<Scrubbed>>,
) {
    let is_read = !matches!(outcome, Outcome::Absent);
    scrubbed.checked += u64::from(is_read);
    scrubbed.bytes += if is_read { bytes } else { 0 };
    scrubbed.damaged += u64::from(matches!(outcome, Outcome::Damaged | Outcome::Restored));
    scrubbed.restored += u64::from(matches!(outcome, Outcome::Restored));
    scrubbed.failed += u64::from(matches!(outcome, Outcome::Failed));
    if let Some(told) = told {
        // A slow listener misses some of the progress.
        told.try_send(*scrubbed).ok();
    }
    if pace == Pace::Slow {
        sleep(Duration::from_millis(bytes.saturating_mul(1000) / SCRUB_BYTES_PER_SECOND + 1)).await;
    }
}

async fn next_own<P: Platform>(context: &Shared<P>, after: Option<&Key>) -> Result<Option<(Key, u64)>, StorageError> {
    let after = after.cloned();
    let page = context.blocking(move |store| store.list_own(after.as_ref(), 1)).await?;
    Ok(page.into_iter().next().map(|(key, record)| (key, record.seal.size)))
}

async fn next_held<P: Platform>(
    context: &Shared<P>,
    after: Option<(NodeId, ReplicaName)>,
) -> Result<Option<(NodeId, ReplicaName, u64)>, StorageError> {
    let page = context.blocking(move |store| store.list_held(after, 1)).await?;
    Ok(page.into_iter().next().map(|(owner, replica_name, known)| {
        let bytes = known.file().map_or(0, |record| record.seal.sealed_bytes());
        (owner, replica_name, bytes)
    }))
}

async fn own<P: Platform>(context: &Shared<P>, key: &Key) -> Outcome {
    let blob = BlobId::Own(key.file_name());
    let locked = context.locks.lock(blob).await;
    let looked_up = key.clone();
    let looked = context.with_keys(move |store, keys| {
        let was_obstructed = store.clear_way(&blob)?;
        Ok::<_, StorageError>((was_obstructed, local_copy::look_up(store, keys, &looked_up)?))
    });
    match looked.await {
        Ok((_, LocalCopy::Good(..))) => return Outcome::Good,
        Ok((false, LocalCopy::Absent(_))) => return Outcome::Absent,
        Ok((true, LocalCopy::Absent(_)) | (_, LocalCopy::Damaged(_))) => {}
        Err(error) => return failure(context, &error, key),
    }
    context.tell(&Event::FileDamaged { file: key.file_name() });
    let is_aside = match context.blocking(move |store| store.set_aside(&blob)).await {
        Ok(_) => true,
        // The damaged copy stays where it is, so nothing may take its place.
        Err(error @ StorageError::QuarantineFull) => return failure(context, &error, key),
        Err(_) => false,
    };
    drop(locked);
    match get(context.clone(), key.clone()).await {
        Ok(_) => Outcome::Restored,
        Err(_) if is_aside => Outcome::Damaged,
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
async fn remove_deleted<P: Platform>(context: &Shared<P>) -> u64 {
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

async fn held<P: Platform>(context: &Shared<P>, owner: NodeId, replica_name: ReplicaName) -> Outcome {
    let blob = BlobId::Held(owner, replica_name);
    let _locked = context.locks.lock(blob).await;
    let looked = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        store.clear_way(&blob)?;
        match store.held(owner, replica_name)? {
            None => Ok(Outcome::Absent),
            Some(Known::Deleted(_)) => {
                // A crash between the commit of the deletion and the removal leaves the sealed bytes behind.
                store.remove_blob(&blob)?;
                Ok(Outcome::Absent)
            }
            Some(Known::File(record)) => {
                let is_good = store.is_good(&blob, &record)?;
                Ok(if is_good { Outcome::Good } else { Outcome::Damaged })
            }
        }
    });
    let looked: Result<Outcome, StorageError> = looked.await;
    match looked {
        Ok(Outcome::Damaged) => {
            set_aside(context, owner, replica_name).await;
            Outcome::Damaged
        }
        Ok(outcome) => outcome,
        Err(_) => Outcome::Failed,
    }
}

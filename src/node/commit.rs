//! Makes changes durable: a written blob together with the change of the catalog that names it. Commits are grouped:
//! changes that arrive while one commit is on its way to the disk go into the next one together.

pub(super) mod queue;

use tokio::sync::mpsc;

use super::context::{Context, Shared};
use crate::crypto::Version;
use crate::disk::Disk;
use crate::limits::COMMIT_BATCH_MAX;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, Change, StorageError, Store};
use queue::Commit;

/// Why a written blob was not kept.
#[derive(Debug)]
pub(super) enum KeepError {
    /// The blob failed before its commit: nothing has changed.
    NotStored(StorageError),
    /// A newer version came first: nothing has changed.
    Outdated,
    /// The blob failed at its commit or after it: the new version may count or not.
    PerhapsStored(StorageError),
}

/// Commits the queued changes until the node stops.
pub(super) async fn run<P: Platform>(context: Shared<P>, mut commits: mpsc::Receiver<Commit>) {
    let mut batch = Vec::new();
    while commits.recv_many(&mut batch, COMMIT_BATCH_MAX).await > 0 {
        let (changes, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|commit| (commit.changes, commit.done)).unzip();
        let results = context.blocking(move |store| commit_each(store, &changes)).await;
        for (done, result) in waiting.into_iter().zip(results) {
            // A caller that no longer waits has gone away with its connection or its call.
            drop(done.send(result));
        }
    }
}

/// Commits the changes of all callers at once. If that fails, commits those of each caller alone, so that each caller
/// learns what became of its own.
fn commit_each<D: Disk>(store: &Store<D>, changes: &[Vec<Change>]) -> Vec<Result<bool, StorageError>> {
    match store.commit_each(&changes.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
        Ok(made) => made.into_iter().map(Ok).collect(),
        Err(error) if changes.len() == 1 => vec![Err(error)],
        Err(_) => changes.iter().map(|changes| store.commit(changes)).collect(),
    }
}

impl<P: Platform> Context<P> {
    /// Makes a written blob durable and gives it its name. If there is a `change`, the catalog commits it in between:
    /// from that commit on the new version counts. The caller holds the lock of the blob and has settled it.
    pub(super) async fn keep(&self, mut writer: BlobWriter<P::Disk>, change: Option<Change>) -> Result<(), KeepError> {
        let is_named = change.is_some();
        let packed = self.store.packed(&mut writer);
        let changes: Vec<_> = change.into_iter().chain(packed).collect();
        if !writer.is_file() {
            return match self.commits.commit(changes).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(KeepError::Outdated),
                Err(error) => Err(KeepError::PerhapsStored(error)),
            };
        }
        let staged = self.blocking(move |store| match store.stage(&writer, is_named) {
            Ok(()) => Ok(writer),
            Err(error) => {
                // If this fails too, the next start drops the file.
                drop(store.discard(&writer));
                Err(error)
            }
        });
        let writer = staged.await.map_err(KeepError::NotStored)?;
        let committed = if changes.is_empty() { Ok(true) } else { self.commits.commit(changes).await };
        if matches!(committed, Ok(false)) {
            self.discard(writer).await;
            return Err(KeepError::Outdated);
        }
        let kept = self.blocking(move |store| {
            let kept = committed.and_then(|_| store.publish(&writer));
            if kept.is_err() {
                store.leave_unsettled(writer);
            }
            kept
        });
        kept.await.map_err(KeepError::PerhapsStored)
    }

    /// Begins to write one version of a blob.
    pub(super) async fn begin(&self, blob: BlobId, version: Version) -> Result<BlobWriter<P::Disk>, StorageError> {
        match self.store.begins_in_memory() {
            true => self.store.write_blob(blob, version),
            false => self.blocking(move |store| store.write_blob(blob, version)).await,
        }
    }

    /// Drops a written blob.
    pub(super) async fn discard(&self, writer: BlobWriter<P::Disk>) {
        // If this fails too, the next start drops the file.
        drop(self.blocking(move |store| store.discard(&writer)).await);
    }

    /// Makes a change of the catalog durable. Returns false, and changes nothing, if the catalog already knows
    /// something newer.
    pub(super) async fn commit(&self, change: Change) -> Result<bool, StorageError> {
        self.commits.commit(vec![change]).await
    }
}

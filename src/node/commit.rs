//! Makes changes durable: a written blob together with the change of the catalog that names it. Commits are grouped:
//! changes that arrive while one commit is on its way to the disk go into the next one together.

pub(super) mod queue;

use tokio::sync::mpsc;

use super::context::{Context, Shared};
use crate::crypto::{Keys, Version};
use crate::disk::Disk;
use crate::limits::COMMIT_BATCH_MAX;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{BlobReader, BlobWriter, Change, StorageError, Store};
use queue::Commit;

/// Why a written blob was not kept.
#[derive(Debug)]
pub(super) enum KeepError<D: Disk, E> {
    /// The caller's look has refused the blob: nothing has changed. The blob is still written, and can be discarded or
    /// offered again.
    Refused(E, BlobWriter<D>),
    /// The blob failed before its commit: nothing has changed.
    NotStored(StorageError),
    /// A newer version came first: nothing has changed. The blob is still written.
    Outdated(BlobWriter<D>),
    /// The blob failed at its commit or after it: the new version may count or not.
    PerhapsStored(StorageError),
}

/// A written blob that the catalog names, whatever its name on the disk.
pub(super) struct Committed<D: Disk> {
    writer: BlobWriter<D>,
    result: Result<(), StorageError>,
}

/// Commits the queued changes until the node stops.
pub(super) async fn run<P: Platform>(context: Shared<P>, mut commits: mpsc::Receiver<Commit<P::Disk>>) {
    let mut batch = Vec::new();
    while commits.recv_many(&mut batch, COMMIT_BATCH_MAX).await > 0 {
        let (looks, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|commit| (commit.look, commit.done)).unzip();
        let results = context.short(move |store, keys| {
            let decided: Vec<_> = looks.into_iter().map(|look| look(store, keys)).collect();
            let changes: Vec<_> = decided.iter().flatten().map(Vec::as_slice).collect();
            let mut made = commit_each(store, &changes).into_iter();
            let result_of = |changes: &Option<_>| match changes {
                Some(_) => made.next().expect("each group of changes has a result"),
                None => Ok(false),
            };
            decided.iter().map(result_of).collect::<Vec<_>>()
        });
        for (done, result) in waiting.into_iter().zip(results.await) {
            // A caller that no longer waits has gone away with its connection or its call.
            drop(done.send(result));
        }
    }
}

/// Commits the changes of all callers at once. If that fails, commits those of each caller alone, so that each caller
/// learns what became of its own.
fn commit_each<D: Disk>(store: &Store<D>, changes: &[&[Change]]) -> Vec<Result<bool, StorageError>> {
    if changes.is_empty() {
        return Vec::new();
    }
    match store.commit_each(changes) {
        Ok(made) => made.into_iter().map(Ok).collect(),
        Err(error) if changes.len() == 1 => vec![Err(error)],
        Err(_) => changes.iter().map(|changes| store.commit(changes)).collect(),
    }
}

/// Returns a change that comes with its blob, and of an own file that its copy is to be here from then on.
fn with_copy(change: Option<Change>) -> impl Iterator<Item = Change> {
    let copy = match &change {
        Some(Change::Own(key, _, record)) => Some(Change::Copy(key.file_name(), Some(record.seal.version))),
        _ => None,
    };
    change.into_iter().chain(copy)
}

impl<P: Platform> Context<P> {
    /// Makes a written blob durable and gives it its name. The caller holds the lock of the blob; its `look` settles
    /// the blob, and says whether it may be kept. If it returns a change, the catalog commits it before the blob has
    /// its name: from that commit on the new version counts. Returns the blob, open for reading.
    pub(super) async fn keep<E: Send + 'static>(
        &self,
        writer: BlobWriter<P::Disk>,
        look: impl FnOnce(&Store<P::Disk>, &Keys) -> Result<Option<Change>, E> + Send + 'static,
    ) -> Result<BlobReader<<P::Disk as Disk>::File>, KeepError<P::Disk, E>> {
        let committed = self.keep_unnamed(writer, look).await?;
        self.publish(committed).await
    }

    /// Makes a written blob durable, as [`keep`](Self::keep) does up to the commit. To be followed by
    /// [`publish`](Self::publish).
    pub(super) async fn keep_unnamed<E: Send + 'static>(
        &self,
        mut writer: BlobWriter<P::Disk>,
        look: impl FnOnce(&Store<P::Disk>, &Keys) -> Result<Option<Change>, E> + Send + 'static,
    ) -> Result<Committed<P::Disk>, KeepError<P::Disk, E>> {
        let packed = self.store.packed(&mut writer);
        if !writer.is_file() {
            let look = |store: &_, keys: &_| Ok(with_copy(look(store, keys)?).chain(packed).collect());
            return match self.commits.commit_if(look).await {
                Ok(Ok(true)) => Ok(Committed { writer, result: Ok(()) }),
                Ok(Ok(false)) => Err(KeepError::Outdated(writer)),
                Ok(Err(error)) => Err(KeepError::PerhapsStored(error)),
                Err(reason) => Err(KeepError::Refused(reason, writer)),
            };
        }
        let staged = self.with_keys(move |store, keys| match look(store, keys) {
            Err(reason) => Err(KeepError::Refused(reason, writer)),
            Ok(change) => match store.stage(&writer, change.is_some()) {
                Ok(()) => Ok((writer, with_copy(change).chain(packed).collect::<Vec<_>>())),
                Err(error) => {
                    // If this fails too, the next start drops the file.
                    drop(store.discard(&writer));
                    Err(KeepError::NotStored(error))
                }
            },
        });
        let (writer, changes) = staged.await?;
        let committed = if changes.is_empty() { Ok(true) } else { self.commits.commit(changes).await };
        match committed {
            Ok(false) => Err(KeepError::Outdated(writer)),
            other => Ok(Committed { writer, result: other.map(drop) }),
        }
    }

    /// Gives a committed blob its name, and returns it, open for reading.
    pub(super) async fn publish<E>(
        &self,
        committed: Committed<P::Disk>,
    ) -> Result<BlobReader<<P::Disk as Disk>::File>, KeepError<P::Disk, E>> {
        let Committed { writer, result } = committed;
        if !writer.is_file() {
            return Ok(self.store.read_written(writer));
        }
        let kept = self.blocking(move |store| match result.and_then(|()| store.publish(&writer)) {
            Ok(()) => Ok(store.read_written(writer)),
            Err(error) => {
                store.leave_unsettled(writer);
                Err(error)
            }
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

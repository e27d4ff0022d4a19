//! Group commit: changes that arrive while a commit is on its way to the disk go into the next one together.

use tokio::sync::{mpsc, oneshot};

use super::{Inner, Shared};
use crate::disk::Disk;
use crate::limits::COMMIT_BATCH_MAX;
use crate::platform::Platform;
use crate::store::{Change, Store, StoreError};

/// A change that waits to become durable.
pub(super) struct Commit {
    change: Change,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Commits until the node stops.
pub(super) async fn run<P: Platform>(inner: Shared<P>, mut commits: mpsc::Receiver<Commit>) {
    let mut batch = Vec::new();
    while commits.recv_many(&mut batch, COMMIT_BATCH_MAX).await > 0 {
        let (changes, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|commit| (commit.change, commit.done)).unzip();
        let results = inner.blocking(move |store| commit_each(store, &changes)).await;
        for (done, result) in waiting.into_iter().zip(results) {
            // Who no longer waits has gone away with its connection or its call.
            drop(done.send(result));
        }
    }
}

/// One commit for all. Where it fails, each change is tried alone, so that each caller learns its own fate.
fn commit_each<D: Disk>(store: &Store<D>, changes: &[Change]) -> Vec<Result<(), StoreError>> {
    match store.commit(changes) {
        Ok(()) => changes.iter().map(|_| Ok(())).collect(),
        Err(error) if changes.len() == 1 => vec![Err(error)],
        Err(_) => changes.iter().map(|change| store.commit(std::slice::from_ref(change))).collect(),
    }
}

impl<P: Platform> Inner<P> {
    /// Makes a change of the catalog durable.
    pub(super) async fn commit(&self, change: Change) -> Result<(), StoreError> {
        let (done, result) = oneshot::channel();
        self.commits.send(Commit { change, done }).await.expect("the committer runs as long as its callers");
        result.await.expect("the committer answers every change")
    }
}

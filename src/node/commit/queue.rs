//! The queue of changes that wait for the next commit of the catalog.

use tokio::sync::{mpsc, oneshot};

use crate::crypto::Keys;
use crate::disk::Disk;
use crate::limits::{CALLS_MAX, INBOUND_CONNECTIONS_MAX};
use crate::store::{Change, StorageError, Store};

/// The end of the queue that takes changes for the next commit.
pub(in crate::node) struct CommitQueue<D: Disk> {
    commits: mpsc::Sender<Commit<D>>,
}

/// A look at the data directory, which returns what is to be changed; `None` for nothing.
type Look<D> = Box<dyn FnOnce(&Store<D>, &Keys) -> Option<Vec<Change>> + Send>;

/// Changes that wait to become durable.
pub(in crate::node) struct Commit<D: Disk> {
    /// Returns, on the way to the commit, the changes, which become durable together or not at all.
    pub(super) look: Look<D>,
    /// Receives true once the changes are durable, and false if there are none or the catalog already knows something
    /// newer.
    pub(super) done: oneshot::Sender<Result<bool, StorageError>>,
}

impl<D: Disk> CommitQueue<D> {
    /// Returns a queue, and the end of it that the committer reads. Each call and each connection waits for one commit
    /// at a time, so the queue is never full for long.
    pub(in crate::node) fn new() -> (Self, mpsc::Receiver<Commit<D>>) {
        let (commits, incoming) = mpsc::channel(CALLS_MAX + INBOUND_CONNECTIONS_MAX);
        (Self { commits }, incoming)
    }

    /// Makes changes durable, all or none. Returns false, and changes nothing, if the catalog already knows something
    /// newer.
    pub(in crate::node) async fn commit(&self, changes: Vec<Change>) -> Result<bool, StorageError> {
        self.queue(Box::new(|_, _| Some(changes))).await
    }

    /// Looks at the data directory, and makes durable, all or none, the changes that the look decides on. No thread is
    /// woken for the look alone.
    ///
    /// # Errors
    /// If the look refuses, nothing is changed.
    pub(in crate::node) async fn commit_if<E: Send + 'static>(
        &self,
        look: impl FnOnce(&Store<D>, &Keys) -> Result<Vec<Change>, E> + Send + 'static,
    ) -> Result<Result<bool, StorageError>, E> {
        let (refuse, mut refused) = oneshot::channel();
        let made = self.queue(Box::new(move |store, keys| match look(store, keys) {
            Ok(changes) => Some(changes),
            Err(reason) => {
                drop(refuse.send(reason));
                None
            }
        }));
        let made = made.await;
        match refused.try_recv() {
            Ok(reason) => Err(reason),
            Err(_) => Ok(made),
        }
    }

    async fn queue(&self, look: Look<D>) -> Result<bool, StorageError> {
        let (done, result) = oneshot::channel();
        self.commits.send(Commit { look, done }).await.expect("the committer runs as long as its callers");
        result.await.expect("the committer answers every change")
    }
}

//! The queue of changes that wait for the next commit of the catalog.

use tokio::sync::{mpsc, oneshot};

use crate::limits::{CALLS_MAX, INBOUND_CONNECTIONS_MAX};
use crate::store::{Change, StorageError};

/// The end of the queue that takes changes for the next commit.
pub(in crate::node) struct CommitQueue {
    commits: mpsc::Sender<Commit>,
}

/// Changes that wait to become durable.
pub(in crate::node) struct Commit {
    /// The changes, which become durable together or not at all.
    pub(super) changes: Vec<Change>,
    /// Receives true once the changes are durable, and false if the catalog already knows something newer.
    pub(super) done: oneshot::Sender<Result<bool, StorageError>>,
}

impl CommitQueue {
    /// Returns a queue, and the end of it that the committer reads. Each call and each connection waits for one commit
    /// at a time, so the queue is never full for long.
    pub(in crate::node) fn new() -> (Self, mpsc::Receiver<Commit>) {
        let (commits, incoming) = mpsc::channel(CALLS_MAX + INBOUND_CONNECTIONS_MAX);
        (Self { commits }, incoming)
    }

    /// Makes changes durable, all or none. Returns false, and changes nothing, if the catalog already knows something
    /// newer.
    pub(in crate::node) async fn commit(&self, changes: Vec<Change>) -> Result<bool, StorageError> {
        let (done, result) = oneshot::channel();
        self.commits.send(Commit { changes, done }).await.expect("the committer runs as long as its callers");
        result.await.expect("the committer answers every change")
    }
}

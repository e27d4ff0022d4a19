//! Changes of the catalog that wait for the next commit.

use tokio::sync::{mpsc, oneshot};

use crate::limits::{CALLS_MAX, INBOUND_CONNECTIONS_MAX};
use crate::store::{Change, StorageError};

/// Takes changes for the next commit.
pub(in crate::node) struct CommitQueue {
    commits: mpsc::Sender<Commit>,
}

/// Changes that wait to become durable.
pub(in crate::node) struct Commit {
    /// Durable together or not at all.
    pub(super) changes: Vec<Change>,
    /// Receives whether they were made. They are not where the catalog would go back behind what it knows.
    pub(super) done: oneshot::Sender<Result<bool, StorageError>>,
}

impl CommitQueue {
    /// Returns a queue, and its end from which the committer takes. Each call and each connection waits for one commit
    /// at a time, so the queue is never full for long.
    pub(in crate::node) fn new() -> (Self, mpsc::Receiver<Commit>) {
        let (commits, incoming) = mpsc::channel(CALLS_MAX + INBOUND_CONNECTIONS_MAX);
        (Self { commits }, incoming)
    }

    /// Makes changes durable, all or none. Returns false if the catalog would go back behind what it knows; then
    /// nothing was changed.
    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<bool, StorageError> {
        let (done, result) = oneshot::channel();
        self.commits.send(Commit { changes, done }).await.expect("the committer runs as long as its callers");
        result.await.expect("the committer answers every change")
    }
}

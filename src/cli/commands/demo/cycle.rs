//! What the demonstration does with one file: store, delete, get, read, compare.

use dacapo::crypto::Key;
use dacapo::node::{Content, DeleteError, GetError, Handle, ReadError, StoreError};

/// How many files are stored.
pub(super) const FILES: usize = 20;

/// What each of them holds.
pub(super) const CONTENT: &[u8] = b"my big data file here!";

/// Why a file did not go through.
#[derive(Debug, thiserror::Error)]
pub(super) enum CycleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{found} of {peers} peers took a copy")]
    TooFewReplicas { found: usize, peers: usize },
    #[error(transparent)]
    Delete(#[from] DeleteError),
    #[error(transparent)]
    Get(#[from] GetError),
    #[error("it came from the local disk after it was deleted there")]
    NotDeleted,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("what came back is not what was stored")]
    OtherContent,
}

/// Stores a file on a node with this many peers, deletes the local copy, and fetches the file back from a peer.
pub(super) async fn run(node: &Handle, key: &Key, peers: usize) -> Result<(), CycleError> {
    let stored = node.store(key, Content::bytes(CONTENT)).await?;
    if stored.replicas() != peers {
        return Err(CycleError::TooFewReplicas { found: stored.replicas(), peers });
    }
    node.delete(key).await?;
    let fetched = node.get(key).await?;
    if fetched.from.is_none() {
        return Err(CycleError::NotDeleted);
    }
    let content = fetched.read_all().await?;
    if content != CONTENT {
        return Err(CycleError::OtherContent);
    }
    Ok(())
}

//! Requests that take more than one call of the node, and those whose answer is gathered.

use dacapo::crypto::{Key, Version};
use dacapo::node::{DeleteError, Handle};
use dacapo::view::{self, KnownPeers};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::failure::Failure;
use super::message::Answer;
use super::wire::{ControlError, send};
use crate::cli::limits::SIGN_INTERVAL;

/// Deletes a local copy. Nobody loses a file by it unless that was asked for.
pub(super) async fn remove(handle: &Handle, key: &Key, replicas_min: u32) -> Result<Answer, Failure> {
    let deleted = match usize::try_from(replicas_min).unwrap_or(usize::MAX) {
        0 => handle.delete(key).await,
        wanted => handle.delete_if_held(key, wanted).await,
    };
    match deleted {
        Ok(()) => Ok(Answer::Removed),
        Err(error) => Err(not_deleted(handle, key, error).await),
    }
}

/// Deletes a file here and at every peer; if a version is named, only while that is the current one.
pub(super) async fn delete_everywhere(handle: &Handle, key: &Key, version: Option<Version>) -> Result<Answer, Failure> {
    // A node that has stopped knows no peers any more.
    let away = view::away(handle).await.len();
    let deleted = match version {
        Some(version) => handle.delete_version_everywhere(key, version).await,
        None => handle.delete_everywhere(key).await,
    };
    match deleted {
        Ok(receipts) => Ok(Answer::DeletedEverywhere { receipts, away }),
        Err(error) => Err(not_deleted(handle, key, error).await),
    }
}

/// Tells why a file was not deleted: there may be no such file, or only no local copy of it.
async fn not_deleted(handle: &Handle, key: &Key, error: DeleteError) -> Failure {
    match error {
        DeleteError::NotFound => match handle.stat(key).await {
            Ok(_) => Failure::failed(&error),
            Err(unknown) => unknown.into(),
        },
        error => error.into(),
    }
}

/// Tells what every known peer has of a file.
pub(super) async fn holders(handle: &Handle, key: &Key, is_whole: bool) -> Result<Answer, Failure> {
    let (holders, away) = view::holders(handle, key, is_whole).await?;
    Ok(Answer::Holders { holders, away })
}

/// Tells how the node is.
pub(super) async fn status(handle: &Handle) -> Result<Answer, Failure> {
    let status = Box::new(handle.status().await?);
    let known = KnownPeers::of(handle).await?;
    Ok(Answer::Status { address: handle.address(), node: handle.node(), status, known })
}

/// Looks at every copy on this disk, and tells how far it is.
pub(super) async fn scrub(handle: &Handle, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let (told, mut progress) = mpsc::channel(1);
    let mut scrub = Box::pin(handle.scrub(told));
    loop {
        tokio::select! {
            biased;
            scrubbed = &mut scrub => {
                let answer = scrubbed.map_or_else(|error| Answer::Failed(error.into()), Answer::Scrubbed);
                return send(writer, &answer).await;
            }
            Some(so_far) = progress.recv() => send(writer, &Answer::Scrubbing(so_far)).await?,
            // One file may take long.
            () = sleep(SIGN_INTERVAL) => send(writer, &Answer::Working).await?,
        }
    }
}

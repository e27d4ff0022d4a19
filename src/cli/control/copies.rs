//! Requests about the copies of a file: who holds them, deleting them, and looking at those on this disk.

use dacapo::crypto::Key;
use dacapo::node::{DeleteError, Handle, Holding};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use super::message::{Answer, Failure, FailureKind, HolderRow, HolderState, ReceiptRow, ScrubRow};
use super::session::send;
use super::wire::ControlError;

/// Deletes a local copy. Nobody loses a file by it unless that was asked for.
pub(super) async fn remove(handle: &Handle, key: &Key, replicas_min: u32) -> Result<Answer, Failure> {
    if replicas_min > 0 {
        let info = handle.stat(key).await?;
        if !info.is_local {
            return Err(DeleteError::NotFound.into());
        }
        let holders = handle.holders(key).await?;
        let is_current = |holder: &&_| matches!(holder, dacapo::node::Holder { holding: Holding::Current { .. }, .. });
        let found = u32::try_from(holders.iter().filter(is_current).count()).unwrap_or(u32::MAX);
        if found < replicas_min {
            let reason = match holders.len() {
                0 => "not deleted: no peer is connected, so this may be the only copy; --force deletes it".to_owned(),
                _ => format!(
                    "not deleted: verified copies at the peers: {found}, wanted: {replicas_min}; --force deletes it"
                ),
            };
            return Err(Failure::new(FailureKind::TooFewReplicas, &reason));
        }
        // What the peers hold was asked of this version. Another one may be here alone.
        handle.delete_version(key, info.version).await?;
    } else {
        handle.delete(key).await?;
    }
    Ok(Answer::Removed)
}

/// Deletes a file here and at every peer.
pub(super) async fn erase(handle: &Handle, key: &Key) -> Result<Answer, Failure> {
    let receipts = handle.delete_everywhere(key).await?.into_iter().map(ReceiptRow::from).collect();
    let away = handle.peers().await.iter().filter(|peer| !peer.is_connected).count();
    Ok(Answer::Erased { receipts, away: u32::try_from(away).unwrap_or(u32::MAX) })
}

/// What every known peer has of a file.
pub(super) async fn holders(handle: &Handle, key: &Key) -> Result<Answer, Failure> {
    let mut rows: Vec<_> = handle.holders(key).await?.into_iter().map(HolderRow::from).collect();
    let away = handle.peers().await.into_iter().filter(|peer| !peer.is_connected);
    rows.extend(away.map(|peer| HolderRow {
        peer: peer.peer,
        state: HolderState::Away,
        verified: None,
        note: peer.address.map(|address| address.to_string()).unwrap_or_default(),
    }));
    Ok(Answer::Holders(rows))
}

/// Looks at every copy on this disk, and tells how far it is.
pub(super) async fn scrub(handle: &Handle, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let (told, mut progress) = mpsc::channel(1);
    let mut scrub = Box::pin(handle.scrub(told));
    loop {
        tokio::select! {
            biased;
            scrubbed = &mut scrub => {
                let failed = |error| Answer::Failed(Failure::from(error));
                let answer = scrubbed.map_or_else(failed, |scrubbed| Answer::Scrubbed(ScrubRow::from(scrubbed)));
                return send(writer, &answer).await;
            }
            Some(so_far) = progress.recv() => send(writer, &Answer::Scrubbing(ScrubRow::from(so_far))).await?,
        }
    }
}

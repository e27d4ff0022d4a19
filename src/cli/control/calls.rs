//! Calls of the node that take more than one question: deleting a local copy safely, and gathering what is known of
//! peers and of holders.

use std::collections::BTreeMap;

use dacapo::crypto::Key;
use dacapo::node::{DeleteError, Handle, Holder, Holding, Repairs};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::failure::{Failure, KeptError};
use super::message::{Answer, KnownPeers};
use super::wire::{ControlError, send};
use crate::cli::limits::SIGN_INTERVAL;

/// Deletes a local copy. Nobody loses a file by it unless that was asked for.
pub(super) async fn remove(handle: &Handle, key: &Key, replicas_min: u32) -> Result<Answer, Failure> {
    if replicas_min > 0 {
        let info = handle.stat(key).await?;
        if !info.is_local {
            return Err(DeleteError::NotFound.into());
        }
        let holders = handle.holders(key).await?;
        let is_current = |holder: &&Holder| matches!(holder.holding, Holding::Current { .. });
        let found = u32::try_from(holders.iter().filter(is_current).count()).unwrap_or(u32::MAX);
        if found < replicas_min {
            return Err(match holders.len() {
                0 => KeptError::NoPeer.into(),
                _ => KeptError::TooFewReplicas { found, wanted: replicas_min }.into(),
            });
        }
        // The peers were asked about this version. Another one may be here alone.
        handle.delete_version(key, info.version).await?;
    } else {
        handle.delete(key).await?;
    }
    Ok(Answer::Removed)
}

/// Deletes a file here and at every peer.
pub(super) async fn delete_everywhere(handle: &Handle, key: &Key) -> Result<Answer, Failure> {
    let receipts = handle.delete_everywhere(key).await?;
    let away = handle.peers().await.iter().filter(|peer| !peer.is_connected).count();
    Ok(Answer::DeletedEverywhere { receipts, away })
}

/// Tells what every known peer has of a file.
pub(super) async fn holders(handle: &Handle, key: &Key) -> Result<Answer, Failure> {
    let holders = handle.holders(key).await?;
    let away = handle.peers().await.into_iter().filter(|peer| !peer.is_connected).collect();
    Ok(Answer::Holders { holders, away })
}

/// Tells which nodes are peers, which were forgotten, and what is held for them.
pub(super) async fn peers(handle: &Handle) -> Answer {
    let peers = handle.peers().await;
    let forgotten = handle.forgotten().await;
    let mut held = BTreeMap::new();
    for node in peers.iter().filter_map(|info| info.peer).chain(forgotten.iter().copied()) {
        if let Ok(usage) = handle.held_for(node).await {
            held.insert(node, usage);
        }
    }
    let Repairs { refusing, rolled_back, .. } = handle.repairs().await.unwrap_or_default();
    Answer::Peers(KnownPeers { peers, forgotten, held, refusing, rolled_back })
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

//! Remembers that replicas were found good.

use tokio::time::sleep;

use crate::crypto::{NodeId, ReplicaName, Version};
use crate::limits::VERIFIED_MAX;
use crate::node::context::{Context, Shared};
use crate::platform::Platform;
use crate::store::{HeldRecord, Known, StorageError};

/// Makes durable, every now and then, what was found good.
pub(in crate::node) async fn run<P: Platform>(context: Shared<P>) {
    loop {
        sleep(context.upkeep.verified_save_interval).await;
        save(&context).await;
    }
}

/// Notes that a version of a replica was just compared as a whole.
pub(in crate::node) async fn note<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    version: Version,
) {
    let now = context.platform.now();
    if context.holder.verified.note(owner, replica_name, version, now) >= VERIFIED_MAX {
        save(context).await;
    }
}

/// Whether a replica is still the one that was opened by this record. The caller holds the lock of the replica.
pub(in crate::node) async fn is_still<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    opened: &HeldRecord,
) -> Result<bool, StorageError> {
    Ok(match context.blocking(move |store| store.held(owner, replica_name)).await? {
        Some(Known::File(record)) => record.seal == opened.seal && record.stored == opened.stored,
        _ => false,
    })
}

/// Makes all notes durable in one commit. If the disk fails, the replicas only seem to have been looked at longer ago.
pub(in crate::node) async fn save<P: Platform>(context: &Context<P>) {
    let changes = context.holder.verified.take();
    if !changes.is_empty() {
        drop(context.commits.commit(changes).await);
    }
}

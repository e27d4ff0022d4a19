//! What a node says of itself.

use super::context::{Context, Shared};
use super::handle::answers::{Load, Status};
use super::handle::errors::{DiskCheckError, StatError};
use crate::limits::CALLS_MAX;
use crate::platform::Platform;

/// Returns what the node knows of itself. See [`Handle::status`](crate::node::Handle::status).
pub(super) async fn status<P: Platform>(context: Shared<P>) -> Result<Status, StatError> {
    let (rolled_back, load) = (context.owner.rolled_back.get(), load(&context));
    let looked = context.blocking(move |store| {
        let ((files, deleted), (owners, held)) = (store.count_own()?, store.held_for_all()?);
        let last_scrub = store.scrub_state()?.ended;
        Ok(Status { files, deleted, owners, held, last_scrub, rolled_back, load })
    });
    looked.await.map_err(StatError::Disk)
}

/// Looks whether the disk works. See [`Handle::check_disk`](crate::node::Handle::check_disk).
pub(super) async fn check_disk<P: Platform>(context: Shared<P>) -> Result<(), DiskCheckError> {
    let (look, new) = context.disk_check.join();
    if let Some(ends) = new {
        let (task, look) = (context.clone(), look.clone());
        // A task of its own, because the look goes on if nobody waits for it any more.
        context.spawn(async move {
            look.find(task.blocking(|store| store.count_own().and_then(|_| store.try_disk())).await);
            drop(ends);
        });
    }
    look.end().await.ok_or(DiskCheckError::Stopped)?.map_err(DiskCheckError::Failed)
}

/// Returns what the node is busy with, except for the call that asks.
fn load<P: Platform>(context: &Context<P>) -> Load {
    Load {
        calls: CALLS_MAX - context.calls.available_permits() - 1,
        exchanges: context.peers.exchanges(),
        locked: context.locks.count() + context.searches.count() + context.holder.admissions.count(),
        arriving: context.holder.reserved.all(),
        connections: context.boots.all_inbound() + context.peers.opened_for_them(),
        tasks: context.tasks.tracker.len() - 1,
    }
}

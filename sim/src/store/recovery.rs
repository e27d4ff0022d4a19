//! Nodes that lose their disks: a node starts on an empty one with its identity, and what its peers hold for it comes
//! back. Every second time it learns and fetches first, and sends nothing, as `dacapo recover` does.

use std::time::Duration;

use dacapo::node::{Config, Mode, Node};
use dacapo::platform::Platform;
use dacapo::store::Identity;
use tokio::time::timeout;

use super::files::Files;
use super::listing::{fetch_all, list};
use crate::disk::SimDisk;
use crate::host::Host;
use crate::subject::Scene;

/// How lines of the trace end and begin that tell of a recovery.
pub(super) const REPLACED: &str = "has an empty disk, and its identity";
pub(super) const RECOVERED: &str = "learnt and fetched";

/// How long a node learns and fetches before it does everything else again.
const LEARNS_FOR: Duration = Duration::from_secs(3);

/// Gives a host whose node has stopped a disk with nothing on it but the identity of the node.
pub(super) fn replace_disk(scene: &Scene<Files>, host: Host) {
    let Some(secret) = scene.clients.secret(host) else { return };
    let empty = SimDisk::new();
    if Identity::restore(&empty, &secret).is_err() {
        return;
    }
    scene.disks[host].restore(&empty);
    scene.clients.disk_replaced(host);
    scene.notes.note(format!("n{host} {REPLACED}"));
    if (scene.plan.seed ^ scene.boots[host].get()).is_multiple_of(2) {
        scene.clients.learns_first(host);
    }
}

/// Runs a node that only learns, and fetches what it learns of. Returns what there is to tell.
pub(super) async fn learn<P: Platform>(platform: P, config: Config) -> Result<String, String> {
    let node =
        Node::start(platform, Config { mode: Mode::Learning, ..config }).await.map_err(|error| error.to_string())?;
    // What does not come back in time comes back later, or is asked for then.
    drop(timeout(LEARNS_FOR, fetch_all(node.handle())).await);
    let files = list(&node.handle()).await.unwrap_or_default();
    node.handle().stop().await;
    node.stopped().await.map_err(|panicked| panicked.to_string())?;
    let local = files.iter().filter(|file| file.is_local).count();
    Ok(format!("{RECOVERED} {local} of {} files from the peers", files.len()))
}

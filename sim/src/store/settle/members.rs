//! Whether the changes of members that were acknowledged are in force after the faults; then all are peers again.

use dacapo::membership::MemberChange;

use crate::store::files::Files;
use crate::store::oracle::live;
use crate::store::status::is_to_be_forgotten;
use crate::subject::{Broken, Scene};

/// Checks the members of every node, and makes all of them peers again. All nodes run.
pub(super) async fn reunite(scene: &Scene<Files>) -> Result<(), Broken> {
    for host in scene.plan.hosts_left() {
        let node = live::node(scene, host)?;
        let (forgotten, peers) = (node.forgotten().await, node.peers().await);
        for other in (0..scene.plan.nodes).filter(|other| *other != host) {
            let Some(id) = scene.clients.id(other) else { continue };
            let is_forgotten = forgotten.contains(&id);
            if is_to_be_forgotten(scene, host, other, u64::MAX).is_some_and(|is_to_be| is_to_be != is_forgotten) {
                let what = if is_forgotten { "has forgotten" } else { "has not forgotten" };
                return Err(Broken::new("durable", format!("n{host} {what} n{other}, against its last order")));
            }
            if is_forgotten && peers.iter().any(|peer| peer.peer == Some(id) && peer.is_connected) {
                return Err(Broken::new("closed", format!("n{host} has forgotten n{other}, and is connected with it")));
            }
        }
        for id in forgotten {
            let allowed = node.change_members(MemberChange::Allow(id)).await;
            allowed.map_err(|error| Broken::new("live", format!("n{host} cannot allow a peer again: {error}")))?;
        }
    }
    Ok(())
}

//! Whether the changes of members that were acknowledged are in force after the faults; then all are peers again.

use dacapo::membership::MemberChange;

use crate::store::files::Files;
use crate::store::oracle::live;
use crate::store::status::obeys;
use crate::subject::{Broken, Scene};

/// Checks the members of every node, and makes all of them peers again. All nodes run.
pub(super) async fn reunite(scene: &Scene<Files>) -> Result<(), Broken> {
    for host in scene.plan.hosts_left() {
        let node = live::node(scene, host)?;
        let (forgotten, peers) = (node.forgotten().await, node.peers().await);
        obeys(scene, host, &forgotten, u64::MAX).map_err(|what| Broken::new("durable", format!("n{host} {what}")))?;
        for other in (0..scene.plan.nodes).filter(|other| *other != host) {
            let Some(id) = scene.clients.id(other) else { continue };
            if forgotten.contains(&id) && peers.iter().any(|peer| peer.peer == Some(id) && peer.is_connected) {
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

//! Whether the changes of members that were acknowledged are in force after the faults; then all are peers again.

use dacapo::membership::MemberChange;

use crate::host::Host;
use crate::store::call::Call;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::oracle::live;
use crate::subject::{Broken, Scene};

/// Checks the members of every node, and makes all of them peers again. All nodes run.
pub(super) async fn reunite(scene: &Scene<Files>) -> Result<(), Broken> {
    for host in scene.plan.hosts_left() {
        let node = live::node(scene, host)?;
        let (forgotten, peers) = (node.forgotten().await, node.peers().await);
        for other in (0..scene.plan.nodes).filter(|other| *other != host) {
            let Some(id) = scene.clients.id(other) else { continue };
            let is_forgotten = forgotten.contains(&id);
            if is_to_be_forgotten(scene, host, other).is_some_and(|is_to_be| is_to_be != is_forgotten) {
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

/// Whether a host was told last to forget another one. `None` if nobody can know: an order was not acknowledged, two of
/// them came at once, or the disk that knew it was put back.
fn is_to_be_forgotten(scene: &Scene<Files>, host: Host, other: Host) -> Option<bool> {
    let history = scene.clients.history();
    let is_order = |entry: &&HistoryEntry| {
        entry.host == host && entry.call.member() == Some(other) && entry.outcome() != Some(&Outcome::NotFound)
    };
    let orders: Vec<_> = history.iter().filter(is_order).collect();
    let ended = |order: &HistoryEntry| match &order.ended {
        Some((end, Outcome::MembersChanged)) if !order.is_lost => Some(*end),
        _ => None,
    };
    let ends = orders.iter().map(|order| ended(order)).collect::<Option<Vec<_>>>()?;
    let overlap = orders.iter().skip(1).zip(&ends).any(|(later, end)| later.begun < *end);
    if overlap || scene.clients.was_put_back(host) || scene.clients.is_reborn(other) {
        return None;
    }
    Some(orders.last().is_some_and(|order| matches!(order.call, Call::Forget(_))))
}

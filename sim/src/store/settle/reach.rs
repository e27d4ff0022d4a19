//! Whether the nodes are connected after the faults. A node that has moved is not where others were told to dial it:
//! those that knew it have to find it through a third one that is connected with both. If there is none, somebody takes
//! it back.

use std::collections::BTreeSet;

use dacapo::crypto::NodeId;

use crate::host::Host;
use crate::store::files::Files;
use crate::store::options::has_moved;
use crate::store::oracle::live;
use crate::store::settings::Setting;
use crate::subject::{Broken, Scene};

/// What the nodes say of their peers.
struct Known {
    hosts: Vec<Host>,
    /// By host, the peers that it has ever had, and whether they are connected.
    peers: Vec<Vec<(NodeId, bool)>>,
    ids: Vec<Option<NodeId>>,
}

/// Returns two nodes that have to be connected, because one dials the other, and are not.
pub(super) async fn missing(scene: &Scene<Files>) -> Option<(Host, Host)> {
    let known = Known::of(scene).await;
    let is_missing = |&(one, other): &(Host, Host)| {
        !known.has(one, other, |is_connected| is_connected) || !known.has(other, one, |is_connected| is_connected)
    };
    dials(scene, &known).find(is_missing)
}

/// Takes the nodes back to where they are dialled that have moved and that nobody has to find.
pub(super) async fn bring_back(scene: &Scene<Files>) -> Result<(), Broken> {
    let known = Known::of(scene).await;
    let found = through_others(scene, &known);
    let moved: BTreeSet<_> = dials(scene, &known).filter(|(from, to)| !found.contains(&pair(*from, *to))).collect();
    for host in moved.into_iter().map(|(_, to)| to).collect::<BTreeSet<_>>() {
        scene.notes.note(format!("n{host} moves back, because nobody can find it"));
        scene.clients.settings.order(host, Setting::MovedBack);
        live::node(scene, host)?.stop().await;
    }
    Ok(())
}

fn pair(one: Host, other: Host) -> (Host, Host) {
    (one.min(other), one.max(other))
}

/// Returns who dials whom of the nodes that are left.
fn dials<'a>(scene: &'a Scene<Files>, known: &'a Known) -> impl Iterator<Item = (Host, Host)> + 'a {
    let is_left = |host: &Host| known.hosts.contains(host);
    scene.plan.dials.iter().filter(move |(from, to)| is_left(from) && is_left(to)).copied()
}

/// Returns the pairs of nodes of which one is where the other dials it, or which find each other through a third one
/// that is in a pair with each of them. A node looks for those only that it has met.
fn through_others(scene: &Scene<Files>, known: &Known) -> BTreeSet<(Host, Host)> {
    let is_there = |host: Host| !has_moved(&scene.clients.options_now(&scene.plan, host));
    let direct = dials(scene, known).filter(|(_, to)| is_there(*to)).map(|(from, to)| pair(from, to));
    let mut found: BTreeSet<_> = direct.collect();
    loop {
        let is_new = |&(one, other): &(Host, Host)| {
            let have_met = known.has(one, other, |_| true) || known.has(other, one, |_| true);
            let leads = |third: &Host| found.contains(&pair(one, *third)) && found.contains(&pair(other, *third));
            have_met && !found.contains(&(one, other)) && known.hosts.iter().any(leads)
        };
        let more: Vec<_> = dials(scene, known).map(|(from, to)| pair(from, to)).filter(is_new).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

impl Known {
    async fn of(scene: &Scene<Files>) -> Self {
        let ids = (0..scene.plan.nodes).map(|host| scene.clients.id(host)).collect();
        let mut peers = Vec::new();
        for host in 0..scene.plan.nodes {
            let told = match scene.clients.node(host) {
                Some(node) => node.peers().await,
                None => Vec::new(),
            };
            peers.push(told.into_iter().filter_map(|peer| Some((peer.peer?, peer.is_connected))).collect());
        }
        Self { hosts: scene.plan.hosts_left(), peers, ids }
    }

    /// Whether a node has another one among its peers, connected or away as is asked for.
    fn has(&self, host: Host, other: Host, is_it: impl Fn(bool) -> bool) -> bool {
        let of = &self.peers[host];
        self.ids[other].is_some_and(|id| of.iter().any(|(peer, is_connected)| *peer == id && is_it(*is_connected)))
    }
}

//! Promise 5: when the faults have stopped, every owner knows what its connected peers hold of it within the stated
//! time, and every connected peer holds every current file that is placed on it, and none that is placed on others or
//! was deleted everywhere. Sources: what the owners list and say of their repairs, and the bytes on the disks of their
//! peers.
//!
//! Cannot see: files of which neither the owner nor a connected peer has a good copy left, and what a host holds that
//! lies to the end of the run.

use std::collections::BTreeSet;

use dacapo::crypto::{IV_BYTES, Key, Keys, NodeId};
use dacapo::node::{FileInfo, Handle, PeerInfo, Quota, Repairs, Replicas};
use dacapo::replication::Placement;
use dacapo::store::layout::BlobId;

use crate::host::Host;
use crate::store::call;
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, may_come_back};
use crate::store::listing::list;
use crate::store::many::{self, Fate};
use crate::store::options::{quota, replicas};
use crate::store::oracle::trust::{has_its_word, is_as_left};
use crate::store::quotas::{fits, usage};
use crate::subject::Scene;

/// Judges the nodes as they are at this moment. `is_scrubbed` says whether each disk was scrubbed since the last crash:
/// until then a replica may be there that is none any more.
///
/// # Errors
/// Returns the first replica that is missing, or left over.
pub async fn judge(scene: &Scene<Files>, is_scrubbed: bool) -> Result<(), String> {
    let contents: Vec<_> = scene.disks.iter().map(Contents::of).collect();
    let lost = scene.plan.lost_for_good();
    for host in scene.plan.hosts_left() {
        let node = scene.clients.node(host).ok_or_else(|| format!("n{host} does not run"))?;
        // The keys are unknown if the disk failed at each start.
        let Some(keys) = scene.clients.keys(host) else { continue };
        let known = known(scene, &node).await;
        let peers = peers_among(&known, &lost);
        has_learnt(scene, (host, &node), &peers).await.map_err(|what| format!("n{host} {what}"))?;
        let files = list(&node).await.map_err(|error| error.to_string())?;
        let judged = |placement: Option<&Placement>| {
            judge_files(scene, &contents, &keys, (host, &files), &peers, placement, is_scrubbed)
        };
        match replicas(&scene.clients.options_now(&scene.plan, host)) {
            Replicas::All => judged(None),
            Replicas::Count(count) => {
                let among = |peers: &mut dyn Iterator<Item = &Known>| Placement::new(peers.map(|peer| peer.id), count);
                // A node that was a peer a short time ago, and does not exist any more, still counts.
                let connected = among(&mut known.iter().filter(|peer| peer.is_connected));
                judged(Some(&connected)).or_else(|what| judged(Some(&among(&mut known.iter()))).map_err(|_| what))
            }
        }?;
        let history = scene.clients.history();
        let may_come_back = may_come_back(&history, host, &scene.clients.options_ever(&scene.plan, host));
        if let Some(file) = contents[host].left_over(&keys).filter(|_| is_scrubbed && is_as_left(scene, host)) {
            return Err(format!("n{host} still has {file} of its own, which was deleted everywhere"));
        }
        // What a disk has forgotten is not known by the fates of these files.
        let is_known = is_as_left(scene, host) && !scene.clients.was_made_anew(host);
        let many = scene.clients.many.of(host).into_iter();
        let many = many.filter(|(_, fate)| is_known && *fate == Fate::Gone).map(|(number, _)| many::key(number));
        let erased = erased_for_good(&history, host).into_iter().chain(many);
        for key in erased.filter(|_| is_scrubbed && !may_come_back) {
            if let Some((peer, _)) = peers.iter().find(|peer| is_left(&contents, &keys, **peer, &key)) {
                return Err(format!("n{peer} still has {key} of n{host}, which was deleted everywhere"));
            }
        }
    }
    Ok(())
}

/// Whether each owner has heard from each peer what the peer holds of it, since the peer connected.
pub async fn have_all_learnt(scene: &Scene<Files>) -> bool {
    let lost = scene.plan.lost_for_good();
    for (host, node) in scene.plan.hosts_left().into_iter().filter_map(|host| Some((host, scene.clients.node(host)?))) {
        let peers = peers_among(&known(scene, &node).await, &lost);
        if has_learnt(scene, (host, &node), &peers).await.is_err() {
            return false;
        }
    }
    true
}

/// Returns the connected peers on whose disks the current version of a file is.
///
/// # Errors
/// Fails if the host's node does not run, or cannot list its files.
pub async fn holders_of(scene: &Scene<Files>, host: Host, key: u8) -> Result<Vec<NodeId>, String> {
    let node = scene.clients.node(host).ok_or_else(|| format!("n{host} does not run"))?;
    let files = list(&node).await.map_err(|error| error.to_string())?;
    let file = files.into_iter().find(|file| file.key == call::key(key));
    let (Some(keys), Some(file)) = (scene.clients.keys(host), file) else { return Ok(Vec::new()) };
    let contents: Vec<_> = scene.disks.iter().map(Contents::of).collect();
    let peers = peers_among(&known(scene, &node).await, &scene.plan.lost_for_good()).into_iter();
    Ok(peers.filter(|peer| holds(&contents, &keys, *peer, &file)).map(|(_, id)| id).collect())
}

/// Returns the connected peers that are to be judged.
fn peers_among(known: &[Known], lost: &BTreeSet<Host>) -> Vec<(Host, NodeId)> {
    let peers = known.iter().filter(|peer| peer.is_connected).filter_map(|peer| peer.at);
    peers.filter(|peer| !lost.contains(&peer.0)).collect()
}

/// Checks that an owner has heard from each peer what the peer holds of it. What an owner lists before says nothing: it
/// may have begun with an empty catalog.
async fn has_learnt(
    scene: &Scene<Files>,
    (host, node): (Host, &Handle),
    peers: &[(Host, NodeId)],
) -> Result<(), String> {
    let repairs = node.repairs().await.map_err(|error| format!("cannot tell how its repairs go on: {error}"))?;
    // An honest peer whose disk is as it was left gives all that it lists, unless another node has stored in the name
    // of the owner.
    let gives_all = |at: Host| has_its_word(scene, host) && is_as_left(scene, at);
    match peers.iter().find(|(at, peer)| !has_come_to_an_end(&repairs, *peer, gives_all(*at))) {
        Some((at, _)) => Err(format!("does not know yet what n{at} holds of it")),
        None => Ok(()),
    }
}

/// Whether the repair of a peer has learnt what there is to learn. What a peer lists and cannot give stays unknown, and
/// is told, unless there is no room to tell it.
fn has_come_to_an_end(repairs: &Repairs, peer: NodeId, gives_all: bool) -> bool {
    let is_told = repairs.unlearnt.iter().any(|unlearnt| unlearnt.peer == peer);
    repairs.compared.contains(&peer) || is_told || (repairs.more > 0 && !gives_all)
}

/// Judges the files of a host, if they are placed like this.
fn judge_files(
    scene: &Scene<Files>,
    contents: &[Contents],
    keys: &Keys,
    (host, files): (Host, &[FileInfo]),
    peers: &[(Host, NodeId)],
    placement: Option<&Placement>,
    is_scrubbed: bool,
) -> Result<(), String> {
    for file in files {
        let holds = |peer: &(Host, NodeId)| holds(contents, keys, *peer, file);
        let has = |id: NodeId| peers.iter().any(|peer| peer.1 == id && holds(peer));
        // A copy that is damaged, or that the disk does not give, stays where it is until a peer gives a good one.
        let blob = BlobId::Own(file.key.file_name());
        let is_readable = || !contents[host].is_unreadable(keys.node(), &blob);
        let is_here = || file.is_local && is_readable() && contents[host].is_good_own(keys, &file.key);
        let is_anywhere = peers.iter().any(holds) || is_here();
        let replica_name = keys.replica_name(&file.key);
        let is_placed = |peer: &(Host, NodeId)| placement.is_none_or(|placement| placement.has(replica_name, peer.1));
        // What is placed on others stays where it is until they have it.
        let is_held = || placement.is_some_and(|placement| placement.of(replica_name).iter().all(|id| has(*id)));
        for peer in peers.iter().filter(|_| is_anywhere) {
            let (key, version) = (&file.key, file.version);
            if is_placed(peer) && !holds(peer) && has_room(scene, &contents[peer.0], keys, (key, file.size), peer.0) {
                return Err(format!("n{} does not hold {key} of n{host} in {version} as {replica_name}", peer.0));
            }
            if is_scrubbed && !is_placed(peer) && is_held() && is_left(contents, keys, *peer, key) {
                return Err(format!("n{} holds {key} of n{host} as {replica_name}, which is placed on others", peer.0));
            }
        }
    }
    Ok(())
}

/// Whether a peer has room for a replica of so many sealed bytes, by its quota and what it holds of the owner. One that
/// is no larger than what it replaces is always taken.
pub(super) fn has_room(
    scene: &Scene<Files>,
    contents: &Contents,
    keys: &Keys,
    (key, size): (&Key, u64),
    at: Host,
) -> bool {
    let quota = quota(&scene.clients.options_now(&scene.plan, at));
    if quota == Quota::default() {
        return true;
    }
    let mut held = contents.held().get(&keys.node()).cloned().unwrap_or_default();
    let sealed_bytes = size + IV_BYTES as u64;
    let replaced = held.insert(keys.replica_name(key), sealed_bytes);
    replaced.is_some_and(|replaced| sealed_bytes <= replaced) || fits(quota, usage(&held))
}

/// A node that another one knows as its peer.
struct Known {
    id: NodeId,
    is_connected: bool,
    /// The host that the node runs on, with the node's id.
    at: Option<(Host, NodeId)>,
}

async fn known(scene: &Scene<Files>, node: &Handle) -> Vec<Known> {
    let at = |id| scene.clients.host(id).map(|host| (host, id));
    let of = |peer: PeerInfo| peer.peer.map(|id| Known { id, is_connected: peer.is_connected, at: at(id) });
    node.peers().await.into_iter().filter_map(of).collect()
}

fn holds(contents: &[Contents], keys: &Keys, peer: (Host, NodeId), file: &FileInfo) -> bool {
    let replica = replica(contents, keys, peer, &file.key);
    replica.is_some_and(|bytes| blake3::hash(&bytes) == blake3::Hash::from_bytes(file.digest.0))
}

fn replica(contents: &[Contents], keys: &Keys, (host, peer): (Host, NodeId), key: &Key) -> Option<Vec<u8>> {
    contents[host].replica(peer, &BlobId::Held(keys.node(), keys.replica_name(key)))
}

/// Whether a peer has a replica that it could have dropped.
fn is_left(contents: &[Contents], keys: &Keys, peer: (Host, NodeId), key: &Key) -> bool {
    replica(contents, keys, peer, key).is_some()
        && !contents[peer.0].is_without_record_for_long(keys.node(), keys.replica_name(key))
}

/// Returns the files whose deletion was acknowledged, and of which no store ended later.
fn erased_for_good(history: &[HistoryEntry], host: Host) -> Vec<Key> {
    let erased = history.iter().filter(|entry| entry.host == host && entry.is_erased());
    let erased = erased.filter(|entry| !entry.is_lost);
    let is_last = |erased: &&HistoryEntry| {
        let of_file = history.iter().filter(|entry| entry.host == host && entry.key == erased.key);
        of_file.filter(|entry| entry.may_be_stored()).all(|store| store.end() < erased.begun)
    };
    erased.filter(is_last).filter_map(|entry| entry.key).map(call::key).collect()
}

#[cfg(test)]
mod tests {
    use dacapo::crypto::{ReplicaName, Version};
    use dacapo::node::Unlearnt;

    use super::*;

    #[test]
    fn a_log_that_is_full_excuses_those_peers_alone_that_may_be_missing_in_it() {
        let [compared, told, other] = [1, 2, 3].map(|byte| NodeId([byte; 32]));
        let unlearnt = Unlearnt {
            replica_name: ReplicaName([0; 16]),
            key: None,
            version: Version(1),
            peer: told,
            reason: String::new(),
        };
        let repairs =
            |more| Repairs { compared: vec![compared], unlearnt: vec![unlearnt.clone()], more, ..Repairs::default() };
        let ends =
            |more, gives_all| [compared, told, other].map(|peer| has_come_to_an_end(&repairs(more), peer, gives_all));
        assert_eq!(ends(0, false), [true, true, false]);
        assert_eq!(ends(5, true), [true, true, false]);
        assert_eq!(ends(5, false), [true, true, true]);
    }
}

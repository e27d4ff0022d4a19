//! Promise 9: every call returns within its deadline, and a node that heals serves again by itself. Sources: the
//! deadlines of the harness, in its own oracle of this name; and a new file of each node after the faults.
//!
//! Cannot see: a call that takes long, but less than its deadline.

use dacapo::crypto::{Keys, NodeId};
use dacapo::node::{Content, Handle, PeerInfo, Receipt, ReplicaError, Replicas};

use crate::host::Host;
use crate::oracle::live;
use crate::store::call::{self, FRESH_KEY};
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::digest;
use crate::store::options::replicas;
use crate::store::oracle::convergent::has_room;
use crate::subject::{Broken, Scene};

/// What the check after the faults stores and reads.
const FRESH: &[u8] = b"dacapo plaintext of the check after the faults";

pub(crate) fn node(scene: &Scene<Files>, host: Host) -> Result<Handle, Broken> {
    scene.clients.node(host).ok_or_else(|| live::broken(format!("n{host} stopped after the faults")))
}

/// Checks that every connected peer acknowledges a new file, and that the file comes back from them.
pub(crate) async fn serves_again(scene: &Scene<Files>, host: Host) -> Result<(), Broken> {
    let node = node(scene, host)?;
    let failed = |what: String| live::broken(format!("after the faults, on n{host}: {what}"));
    let key = call::key(FRESH_KEY);
    let stored = node.store(&key, Content::bytes(FRESH)).await.map_err(|error| failed(error.to_string()))?;
    // A peer has no room if its quota says so, and if what it holds says the same.
    let is_full = |receipt: &Receipt| {
        let is_refused =
            matches!(&receipt.outcome, Err(ReplicaError::Refused(refusal)) if refusal.is_about_the_taker());
        let (keys, at) = (scene.clients.keys(host), scene.clients.host(receipt.peer));
        let has_room = |keys: Keys, at: Host| {
            has_room(scene, &Contents::of(&scene.disks[at]), &keys, (&key, FRESH.len() as u64), at)
        };
        is_refused && keys.zip(at).is_some_and(|(keys, at)| !has_room(keys, at))
    };
    let lost = scene.plan.lost_for_good();
    // A host that never ran the honest program is not known by its id.
    let lies = |peer: NodeId| scene.clients.host(peer).is_none_or(|at| lost.contains(&at));
    let honest = || stored.receipts.iter().filter(|receipt| !lies(receipt.peer));
    if let Some(receipt) = honest().find(|receipt| receipt.outcome.is_err() && !is_full(receipt)) {
        return Err(failed(format!("{receipt:?}")));
    }
    let is_connected = |peer: &&PeerInfo| peer.is_connected && !peer.peer.is_some_and(lies);
    let connected = node.peers().await.iter().filter(is_connected).count();
    let connected = match replicas(&scene.clients.options_now(&scene.plan, host)) {
        Replicas::All => connected,
        Replicas::Count(count) => connected.min(count.get()),
    };
    if stored.receipts.len() < connected {
        return Err(failed(format!("{} of {connected} peers were told", stored.receipts.len())));
    }
    if honest().all(|receipt| receipt.outcome.is_err()) {
        return Ok(());
    }
    node.delete(&key).await.map_err(|error| failed(error.to_string()))?;
    let fetched = node.get(&key).await.map_err(|error| failed(error.to_string()))?;
    let content = fetched.read_all().await.map_err(|error| failed(error.to_string()))?;
    if digest(&content) == digest(FRESH) { Ok(()) } else { Err(failed("other bytes came back".to_owned())) }
}

//! Promise 4, at the moment at which copies become fewer: a replica is dropped only if as many other peers as were
//! asked for hold the file, and a version that one peer alone has takes the place of none that others have. Sources:
//! what nodes tell, and the disks at that moment.
//!
//! Cannot see: runs in which the disk of a peer does something wrong or is put back, or in which a host lies.

use dacapo::crypto::{FileName, NodeId, ReplicaName, Version};
use dacapo::event::Event;
use dacapo::store::layout::BlobId;

use crate::host::Host;
use crate::store::call::{self, Call};
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::HistoryEntry;
use crate::store::oracle::faithful::holds_one_of;
use crate::store::oracle::trust::{has_its_word, is_faultless};
use crate::subject::Scene;

/// Judges what the node of a host has just told. `was_known` says whether it knew the file before.
///
/// # Errors
/// If there are too few copies now.
pub fn judge(scene: &Scene<Files>, host: Host, event: &Event, was_known: bool) -> Result<(), String> {
    match event {
        Event::ReplicaReleased { owner, replica } => judge_release(scene, host, *owner, *replica),
        Event::FileLearnt { file, version } if was_known => judge_learnt(scene, host, *file, *version),
        _ => Ok(()),
    }
}

/// Judges that a host has dropped a replica.
fn judge_release(scene: &Scene<Files>, host: Host, owner: NodeId, replica: ReplicaName) -> Result<(), String> {
    let Some(at) = scene.clients.host(owner).filter(|at| is_calm(scene, *at)) else { return Ok(()) };
    let options = scene.clients.options_ever(&scene.plan, at);
    let wanted: Option<usize> =
        options.iter().filter_map(|option| option.strip_prefix("replicas-")?.parse().ok()).min();
    let (Some(wanted), Some(keys)) = (wanted, scene.clients.keys(at)) else { return Ok(()) };
    let is_it = |key: u8| keys.replica_name(&call::key(key)) == replica;
    match count_holders(scene, at, &[at, host], is_it, |_| true) {
        Some((key, found)) if found < wanted => {
            Err(format!("n{host} has dropped file {key} of n{at}, and {found} others hold it, not {wanted}"))
        }
        _ => Ok(()),
    }
}

/// Judges that a host has learnt of a version of a file that it knew in an older one.
fn judge_learnt(scene: &Scene<Files>, host: Host, file: FileName, version: Version) -> Result<(), String> {
    let Some(keys) = scene.clients.keys(host).filter(|_| is_calm(scene, host)) else { return Ok(()) };
    let is_here = Contents::of(&scene.disks[host]).replica(keys.node(), &BlobId::Own(file)).is_some();
    // Where there is one peer alone, nobody else can have it. Whoever was to be forgotten may be no peer any more.
    let history = scene.clients.history();
    let may_be_forgotten = |at: Host| {
        let mut orders = history.iter().filter(|entry| entry.host == host && entry.is_forgetting());
        orders.any(|order| order.call.member() == Some(at))
    };
    let met = scene.clients.noticed.borrow().met(host);
    let peers = met.into_iter().filter(|peer| scene.clients.host(*peer).is_none_or(|at| !may_be_forgotten(at)));
    if is_here || peers.count() < 2 {
        return Ok(());
    }
    let is_it = |key: u8| call::key(key).file_name() == file;
    let is_learnt = |entry: &HistoryEntry| entry.version().is_none_or(|stored| stored == version);
    match count_holders(scene, host, &[host], is_it, is_learnt) {
        Some((key, found @ 0..2)) => {
            Err(format!("n{host} has learnt that {version} of file {key} is the newest, and {found} peers hold it"))
        }
        _ => Ok(()),
    }
}

/// Returns the key of a file of a host, and how many hosts but some hold what one of these stores stored; `None` if no
/// call was about such a file, or if one may have deleted it everywhere.
fn count_holders(
    scene: &Scene<Files>,
    owner: Host,
    but: &[Host],
    is_it: impl Fn(u8) -> bool,
    is_current: impl Fn(&HistoryEntry) -> bool,
) -> Option<(u8, usize)> {
    let history = scene.clients.history();
    let keys = scene.clients.keys(owner)?;
    let key =
        history.iter().filter(|entry| entry.host == owner).filter_map(|entry| entry.key).find(|key| is_it(*key))?;
    let of_file = || history.iter().filter(|entry| entry.is_about(owner, key));
    if of_file().any(|entry| matches!(entry.call, Call::Erase { .. })) {
        return None;
    }
    let stored: Vec<_> = of_file().filter(|entry| entry.may_be_stored() && is_current(entry)).collect();
    let holds = |at: Host| {
        let id = scene.clients.id(at);
        id.is_some_and(|id| holds_one_of(scene, &keys, &call::key(key), (at, id), &stored))
    };
    Some((key, (0..scene.plan.nodes).filter(|at| !but.contains(at) && holds(*at)).count()))
}

/// Whether nothing takes copies from the peers of an owner but the nodes themselves.
fn is_calm(scene: &Scene<Files>, owner: Host) -> bool {
    (0..scene.plan.nodes).all(|at| {
        let is_left_alone = at == owner || (is_faultless(scene, at) && !scene.clients.was_restored(at));
        has_its_word(scene, at) && is_left_alone
    })
}

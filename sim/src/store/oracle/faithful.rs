//! Promise 3: a get returns exactly what was stored under that key by that owner, and leaves nothing if it is to keep
//! nothing; a scrub finds no damage where there is none, and does not call a damaged catalog good; a peer that is said
//! to hold a file has it, and so has one if a local copy was deleted because peers hold the file. Sources: the history
//! of the calls, and the disks at the end of a call.
//!
//! Cannot see: which of two calls that stored equal bytes a read has seen, and which version a peer holds.

pub mod about;
pub mod unkept;

use std::time::Duration;

use dacapo::crypto::{ContentCipher, Iv, Key, Keys, NodeId};
use dacapo::event::Event;
use dacapo::node::Replicas;
use dacapo::store::layout::{BlobId, catalog};

use crate::fault::Fault;
use crate::host::{Host, named};
use crate::store::call::{self, Call};
use crate::store::contents::Contents;
use crate::store::files::{self, Files};
use crate::store::history::{self, ContentDigest, HistoryEntry, Outcome, may_come_back, stores, was_erased};
use crate::store::options::replicas;
use crate::store::oracle::trust::{has_its_word, is_as_left, is_left_alone_since, is_sound_since};
use crate::subject::{Run, Scene};
use crate::trace::Fact;

/// Judges what a scrub has found.
///
/// # Errors
/// If it found damage on a sound disk, or if it has read all, and the catalog was damaged before and still is, or a
/// local copy is lost.
pub fn judge_scrub(scene: &Scene<Files>, scrub: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Scrubbed { damaged, failed } = outcome else { return Ok(()) };
    judge_damage(scene, scrub.host, scrub.at, *damaged)?;
    if *failed == 0 && has_rotten_catalog(scene, scrub) {
        return Err("found nothing, and the catalog is damaged".to_owned());
    }
    match lost_copy(scene, scrub) {
        Some(key) if (*damaged, *failed) == (0, 0) => {
            Err(format!("found nothing, and the local copy of {key} is lost"))
        }
        _ => Ok(()),
    }
}

/// Returns a file of whose local copy the catalog says that it is here, and which was lost before a scrub began.
fn lost_copy(scene: &Scene<Files>, scrub: &HistoryEntry) -> Option<Key> {
    let host = scrub.host;
    let is_other = |entry: &&HistoryEntry| entry.host == host && entry.begun != scrub.begun;
    let is_over = |entry: &HistoryEntry| entry.ended.as_ref().is_some_and(|(ended, _)| *ended < scrub.begun);
    let is_alone = scene.clients.history().iter().filter(is_other).all(is_over);
    let was_damaged = scene.damage.borrow().iter().any(|found| found.host == host);
    if !was_damaged || !is_alone || !is_left_alone_since(scene, host, scrub.at) {
        return None;
    }
    Contents::of(&scene.disks[host]).lost_copy(&scene.clients.keys(host)?)
}

/// Judges how many damaged files a scrub has found that began at this moment.
///
/// # Errors
/// If it found any on a disk that does what it is told, and on which nothing was damaged: no call that failed earlier,
/// no kill and no power loss leaves other bytes than those of the record.
pub fn judge_damage(scene: &Scene<Files>, host: Host, since: Duration, damaged: u64) -> Result<(), String> {
    match damaged {
        1.. if is_sound_since(scene, host, since) => {
            Err(format!("found {damaged} files damaged on a disk of n{host} that nothing has damaged"))
        }
        _ => Ok(()),
    }
}

/// Whether the catalog of a node was damaged before a scrub began, and is so after it. Then the scrub has read it.
fn has_rotten_catalog(scene: &Scene<Files>, scrub: &HistoryEntry) -> bool {
    let host = scrub.host;
    let was_damaged = scene.damage.borrow().iter().any(|found| found.host == host && found.path == catalog().as_str());
    // A node that runs has the file open, whatever lies under its name.
    let is_another = |fault: &Fault| fault.takes_name_at() == Some(host);
    was_damaged
        && !scene.clients.was_damaged_since(host, scrub.begun)
        && !scene.plan.faults().any(is_another)
        && Contents::of(&scene.disks[host]).is_catalog_damaged()
}

/// Judges what the nodes of a run have found in their catalogs.
///
/// # Errors
/// If a node found its catalog damaged, and nothing has damaged it.
pub fn judge_catalogs(run: &Run<Files>) -> Result<(), String> {
    for line in run.trace.lines() {
        if let (Fact::Event(Event::CatalogDamaged { .. }), Some(host)) = (&line.what, named(&line.host))
            && !run.clients.was_damaged(host)
        {
            return Err(format!("n{host} has found its catalog damaged, which nothing has damaged"));
        }
    }
    Ok(())
}

/// Judges what an owner was told of its peers.
///
/// # Errors
/// If a peer is said to have compared its replica, and has nothing that was ever stored under that key. No other call
/// was about the file meanwhile, and no fault has touched the peer's disk then: what rotted before has to be found.
pub fn judge_holders(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let (Outcome::Held(holders), Some(key)) = (outcome, asked.key) else { return Ok(()) };
    let history = scene.clients.history();
    let is_placed = replicas(&scene.clients.options_ever(&scene.plan, asked.host)) != Replicas::All;
    let Some(keys) = scene.clients.keys(asked.host).filter(|_| !is_placed && !asked.meets(&history, |_| true)) else {
        return Ok(());
    };
    let stored: Vec<_> = stores(&history, asked).filter(|entry| entry.may_be_stored()).collect();
    for peer in holders {
        let Some(at) = scene.clients.host(*peer).filter(|at| has_held_still(scene, *at, asked.begun)) else { continue };
        if !holds_one_of(scene, &keys, &call::key(key), (at, *peer), &stored) {
            return Err(format!("was told that n{at} has compared its replica, and n{at} has no good one"));
        }
    }
    Ok(())
}

/// Judges a deletion of a local copy that was to be done only if so many peers hold the file.
///
/// # Errors
/// If fewer of the peers that can have been asked have a good replica of the newest version. None of their disks was
/// damaged meanwhile, and none of them lies.
pub fn judge_removal(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let (Call::Delete { held_by: held_by @ 1.., .. }, Outcome::Deleted, Some(key)) = (asked.call, outcome, asked.key)
    else {
        return Ok(());
    };
    let history = scene.clients.history();
    let peers = scene.clients.noticed.borrow().connected_since(asked.host, asked.begun);
    let peers: Option<Vec<_>> = peers.into_iter().map(|peer| Some((scene.clients.host(peer)?, peer))).collect();
    let (Some(keys), Some(peers)) = (scene.clients.keys(asked.host), peers) else { return Ok(()) };
    let is_back = may_come_back(&history, asked.host, &scene.clients.options_ever(&scene.plan, asked.host))
        && was_erased(&history, asked.host, key);
    let is_judged = is_as_left(scene, asked.host)
        && !is_back
        && !asked.meets(&history, |entry| matches!(entry.call, Call::Erase { .. }))
        && peers.iter().all(|(at, _)| has_held_still(scene, *at, asked.begun));
    let key = call::key(key);
    // A store that came later has made a copy again.
    let own = BlobId::Own(key.file_name());
    let is_here = || Contents::of(&scene.disks[asked.host]).replica(keys.node(), &own).is_some();
    let acknowledged = stores(&history, asked).filter(|entry| !entry.is_lost).filter_map(HistoryEntry::version).max();
    // It may be one whose store has not come to its end.
    let deleted = scene.clients.noticed.borrow().deleted_since(asked.host, key.file_name(), asked.begun);
    let Some(newest) = acknowledged.max(deleted).filter(|_| is_judged && !is_here()) else { return Ok(()) };
    // A store that is perhaps stored may have put a newer version on a peer.
    let is_current = |entry: &&HistoryEntry| entry.version().map_or(entry.may_be_stored(), |version| version >= newest);
    let stored: Vec<_> = stores(&history, asked).filter(is_current).collect();
    let found = peers.iter().filter(|peer| holds_one_of(scene, &keys, &key, **peer, &stored)).count();
    let least = holders_left(scene, &history, asked, held_by.into());
    match found < least {
        true => {
            Err(format!("deleted the local copy, and {found} peers have a good replica of {newest} or a later version"))
        }
        false => Ok(()),
    }
}

/// Returns how many peers still hold a file of which so many held it when they were asked: another store may replace
/// what they have, and those that files are placed on may change.
fn holders_left(scene: &Scene<Files>, history: &[HistoryEntry], asked: &HistoryEntry, held_by: usize) -> usize {
    let is_placed = replicas(&scene.clients.options_ever(&scene.plan, asked.host)) != Replicas::All;
    let is_stored_meanwhile = asked.meets(history, |entry| matches!(entry.call, Call::Store { .. }));
    if is_placed || is_stored_meanwhile { held_by.min(1) } else { held_by }
}

/// Whether nothing has touched the disk of a peer since a moment but its node, and the node does not lie.
fn has_held_still(scene: &Scene<Files>, at: Host, moment: u64) -> bool {
    let is_changed = scene.clients.was_damaged_since(at, moment) || scene.clients.was_restored(at);
    // With a rotten layout nobody can tell where the replicas lie.
    let has_rotten_need = scene.damage.borrow().iter().any(|found| found.host == at && files::needs(&found.path));
    has_its_word(scene, at) && !is_changed && !has_rotten_need
}

/// Whether a peer has a replica with the content of one of these stores.
pub(super) fn holds_one_of(
    scene: &Scene<Files>,
    keys: &Keys,
    key: &Key,
    (at, peer): (Host, NodeId),
    stored: &[&HistoryEntry],
) -> bool {
    let content = content_at(scene, keys, key, (at, peer));
    content.is_some_and(|content| stored.iter().any(|entry| entry.content() == Some(content)))
}

/// Returns the content of the replica that a peer has of a file.
pub(super) fn content_at(
    scene: &Scene<Files>,
    keys: &Keys,
    key: &Key,
    (at, peer): (Host, NodeId),
) -> Option<ContentDigest> {
    let blob = BlobId::Held(keys.node(), keys.replica_name(key));
    Contents::of(&scene.disks[at]).replica(peer, &blob).and_then(|sealed| opened(keys, &sealed))
}

/// Returns the digest of what sealed bytes hold.
fn opened(keys: &Keys, sealed: &[u8]) -> Option<ContentDigest> {
    let (iv, sealed) = sealed.split_first_chunk()?;
    let mut content = sealed.to_vec();
    ContentCipher::new(keys, Iv(*iv)).open(&mut content);
    Some(history::digest(&content))
}

/// Judges a read.
///
/// # Errors
/// If the read returned what no call has stored under its key.
pub fn judge_read(history: &[HistoryEntry], read: &HistoryEntry) -> Result<(), String> {
    let Some(Outcome::Got(got)) = read.outcome() else { return Ok(()) };
    if stores(history, read).any(|entry| entry.content() == Some(*got)) {
        Ok(())
    } else {
        Err("gave what nobody has stored under that key".to_owned())
    }
}

//! Promise 3: a get returns exactly what was stored under that key by that owner, a scrub finds no damage where there
//! is none, and a peer that is said to hold a file has it. Sources: the history of the calls, and the disks at the end
//! of a call.
//!
//! Cannot see: which of two calls that stored equal bytes a read has seen, and which version a peer holds.

use dacapo::crypto::{ContentCipher, Iv, Keys};
use dacapo::event::Event;
use dacapo::node::Replicas;
use dacapo::store::layout::BlobId;

use crate::host::{Host, named};
use crate::store::call;
use crate::store::contents::Contents;
use crate::store::files::{self, Files};
use crate::store::history::{self, ContentDigest, HistoryEntry, Outcome, stores};
use crate::store::options::replicas;
use crate::store::oracle::available::{has_its_word, is_faultless};
use crate::subject::{Run, Scene};
use crate::trace::Fact;

/// Judges what a scrub has found.
///
/// # Errors
/// If it found damage on a disk that does nothing wrong in the whole plan.
pub fn judge_scrub(scene: &Scene<Files>, host: Host, outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Scrubbed(damaged @ 1..) if is_faultless(scene, host) => {
            Err(format!("found {damaged} files damaged on a disk that does nothing wrong"))
        }
        _ => Ok(()),
    }
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
    for peer in holders {
        let Some(at) = scene.clients.host(*peer) else { continue };
        let is_changed = scene.clients.was_damaged_since(at, asked.begun) || scene.clients.was_restored(at);
        // With a rotten layout nobody can tell where the replicas lie.
        let has_rotten_need = scene.damage.borrow().iter().any(|found| found.host == at && files::needs(&found.path));
        if !has_its_word(scene, at) || is_changed || has_rotten_need {
            continue;
        }
        let blob = BlobId::Held(keys.node(), keys.replica_name(&call::key(key)));
        let content = Contents::of(&scene.disks[at]).replica(*peer, &blob).and_then(|sealed| opened(&keys, &sealed));
        if !content.is_some_and(|content| {
            stores(&history, asked).any(|entry| entry.may_be_stored() && entry.content() == Some(content))
        }) {
            return Err(format!("was told that n{at} has compared its replica, and n{at} has no good one"));
        }
    }
    Ok(())
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

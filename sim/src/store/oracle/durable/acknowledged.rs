//! Promise 1, at the moment of an acknowledgement: a power loss now takes nothing back of what was acknowledged,
//! neither here nor on a peer whose receipt the caller was given. Sources: the disks, as a power loss would leave them,
//! and what a start finds on them.
//!
//! Cannot see: what a call that is under way at the same time may have changed, and disks that were damaged, put back,
//! or have lied of a sync.

use dacapo::crypto::{Key, Keys, NodeId, Version};
use dacapo::node::Replicas;
use dacapo::store::layout::{BlobId, Layout, catalog, is_quarantined, members};
use dacapo::store::{Known, StorageError, Store};

use crate::disk::SimDisk;
use crate::host::Host;
use crate::store::call::{self, Call, Reading, Source};
use crate::store::contents::{self, Reopened};
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::options::replicas;
use crate::store::oracle::available::may_be_packed;
use crate::store::oracle::trust::{has_its_word, is_as_left};
use crate::subject::Scene;

/// One in how many acknowledgements is judged by what a start would find, though all that is there is durable. Opening
/// a catalog takes longer than the rest of a call.
const THOROUGH_ONE_IN: usize = 8;

/// What must be on a disk after a power loss.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    /// This version of the file, or a later one, with its bytes.
    Hold(Version),
    /// No version of the file.
    HoldNone,
    /// No bytes of the local copy.
    HoldNoCopy,
}

/// Judges a call that has just ended.
///
/// # Errors
/// Returns what a power loss would take back.
pub fn judge(scene: &Scene<Files>, history: &[HistoryEntry], ended: &HistoryEntry) -> Result<(), String> {
    if let (Call::Store { source: Source::Held, .. }, Some(Outcome::Stored { holders, .. })) =
        (ended.call, ended.outcome())
        && holders.is_empty()
    {
        return Err("was acknowledged, and no peer has said that it holds the file".to_owned());
    }
    let (is_alone, must, peers): (_, _, &[NodeId]) = match ended.outcome() {
        Some(Outcome::Stored { version, holders, .. }) => {
            (!ended.meets(history, takes_away), Must::Hold(*version), holders)
        }
        Some(Outcome::Erased { peers, .. }) => {
            (!ended.meets(history, HistoryEntry::may_be_stored), Must::HoldNone, peers)
        }
        // Whoever asks again after a deletion that perhaps took effect is told that there is no copy.
        Some(Outcome::Deleted | Outcome::NotFound) if matches!(ended.call, Call::Delete { .. }) => {
            (!ended.meets(history, brings_copy), Must::HoldNoCopy, &[])
        }
        Some(Outcome::MembersChanged) => return judge_members(scene, history, ended),
        _ => return Ok(()),
    };
    let (Some(key), Some(keys)) = (ended.key.filter(|_| is_alone), scene.clients.keys(ended.host)) else {
        return Ok(());
    };
    let key = call::key(key);
    let name = keys.replica_name(&key);
    let own = (ended.host, keys.node(), BlobId::Own(key.file_name()));
    let is_about_all = must == Must::HoldNone && !ended.meets(history, |_| true);
    // A replica that is placed on others may be gone before its owner is told of the last receipt.
    let is_placed = replicas(&scene.clients.options_ever(&scene.plan, ended.host)) != Replicas::All;
    let receipts = peers.iter().filter(|_| !is_placed);
    let at_peers =
        receipts.filter_map(|peer| Some((scene.clients.host(*peer)?, *peer, BlobId::Held(keys.node(), name))));
    for (at, node, blob) in std::iter::once(own).chain(at_peers) {
        if is_about_all && has_copy_aside(scene, at, &blob) {
            return Err(format!("n{at} has a copy in quarantine still"));
        }
        let is_thorough = || ended.number.is_multiple_of(THOROUGH_ONE_IN) || !is_settled(scene, at, node, &blob, must);
        if is_as_left(scene, at) && is_thorough() {
            let left = scene.disks[at].after_power_loss();
            judge_disk(&left, &key, &blob, must).map_err(|what| format!("after a power loss now, n{at} {what}"))?;
        }
    }
    Ok(())
}

/// Whether a copy of a blob that was set aside lies on a disk, and cannot have come back.
fn has_copy_aside(scene: &Scene<Files>, at: Host, blob: &BlobId) -> bool {
    let disk = &scene.disks[at];
    let tree = disk.tree();
    let mut aside = tree.iter().filter_map(|(path, ..)| path.strip_prefix("quarantine/"));
    let is_left_alone = has_its_word(scene, at) && !disk.has_lied() && !scene.clients.was_put_back(at);
    is_left_alone && aside.any(|name| is_quarantined(blob, name))
}

fn takes_away(entry: &HistoryEntry) -> bool {
    matches!(entry.call, Call::Erase { .. } | Call::Delete { .. })
}

/// Whether a call may bring a local copy.
pub(in crate::store) fn brings_copy(entry: &HistoryEntry) -> bool {
    entry.may_be_stored() || matches!(entry.call, Call::Get { reading, .. } if reading != Reading::Unkept)
}

/// Whether a power loss takes nothing back of a blob and of the catalog. What they hold is judged elsewhere.
fn is_settled(scene: &Scene<Files>, at: Host, node: NodeId, blob: &BlobId, must: Must) -> bool {
    let disk = &scene.disks[at];
    let places = Layout::ALL.map(|(layout, _)| layout.place(node, blob));
    let seen = places.each_ref().map(|place| disk.is_durable(place.as_str()));
    let is_there = may_be_packed(scene, at) || seen.iter().any(Option::is_some);
    let is_blob_durable = match must {
        Must::Hold(_) => is_there && seen.iter().all(|durable| durable.unwrap_or(true)),
        // The name may come back.
        Must::HoldNone | Must::HoldNoCopy => {
            let left = disk.durable_tree();
            !left.iter().any(|(path, ..)| places.iter().any(|place| place.as_str() == path))
        }
    };
    is_blob_durable && disk.is_durable(catalog().as_str()) == Some(true)
}

/// Judges what a start would find on a disk.
fn judge_disk(left: &SimDisk, key: &Key, blob: &BlobId, must: Must) -> Result<(), String> {
    let (store, keys) = match contents::reopen(left) {
        Reopened::Store(store, keys) => (store, keys),
        // A start does not open what is being converted.
        Reopened::Converting => return Ok(()),
        Reopened::Failed(error) => return Err(format!("cannot open its directory: {error}")),
    };
    let failed = |error: StorageError| format!("cannot read its directory: {error}");
    let found = found(&store, &keys, key, blob).map_err(failed)?;
    let has_bytes = store.has_blob(blob).map_err(failed)?;
    let what = match blob {
        BlobId::Own(_) => "its file",
        BlobId::Held(..) => "the replica",
    };
    match (must, found) {
        (Must::Hold(version), Some((found, _))) if found < version => {
            Err(format!("has {what} in {found}, which is older"))
        }
        (Must::Hold(_), Some((_, true))) => Ok(()),
        (Must::Hold(_), Some((_, false))) if has_bytes => Err(format!("has other bytes of {what}")),
        (Must::Hold(_), Some((_, false))) => Err(format!("has no bytes of {what}")),
        (Must::Hold(_), None) => Err(format!("does not know {what}")),
        (Must::HoldNone, Some((found, _))) => Err(format!("has {what} still, in {found}")),
        (Must::HoldNone | Must::HoldNoCopy, _) if has_bytes => Err(format!("has the bytes of {what} still")),
        (Must::HoldNone | Must::HoldNoCopy, _) => Ok(()),
    }
}

/// Returns the version that the catalog knows of a file, and whether the blob has its bytes; `None` if the catalog does
/// not know the file.
fn found(
    store: &Store<SimDisk>,
    keys: &Keys,
    key: &Key,
    blob: &BlobId,
) -> Result<Option<(Version, bool)>, StorageError> {
    match blob {
        BlobId::Own(_) => {
            let Some(record) = store.own(key)? else { return Ok(None) };
            Ok(Some((record.seal.version, store.is_good_own(blob, keys, record.iv, &record.seal)?)))
        }
        BlobId::Held(owner, name) => {
            let Some(record) = store.held(*owner, *name)?.and_then(Known::file) else { return Ok(None) };
            Ok(Some((record.seal.version, store.is_good(blob, &record)?)))
        }
    }
}

/// Judges a change of members that was acknowledged.
fn judge_members(scene: &Scene<Files>, history: &[HistoryEntry], ended: &HistoryEntry) -> Result<(), String> {
    let other =
        |entry: &&HistoryEntry| entry.host == ended.host && entry.call.member().is_some() && entry.begun != ended.begun;
    let has_failed = |entry: &HistoryEntry| matches!(entry.outcome(), None | Some(Outcome::Failed(_)));
    let is_alone = !history.iter().filter(other).any(|entry| has_failed(entry) || entry.end() > ended.begun);
    let disk = &scene.disks[ended.host];
    match disk.is_durable(members().as_str()) {
        Some(false) if is_alone && !disk.has_lied() => {
            Err("a power loss now brings the members before it back".to_owned())
        }
        _ => Ok(()),
    }
}

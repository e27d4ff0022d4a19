//! Promise 6: no content, no name and no key is in the clear on a peer's disk or on the wire, and no IV is used
//! twice. A master secret lies in the identity file of its node and nowhere else, and the cluster's secret nowhere.
//! Sources: the byte tap, and the disks at the end of a run.
//!
//! Cannot see: content shorter than its marker of 16 bytes, and the IVs of versions that are gone and that no peer has
//! had in a file when it acknowledged them.

use std::collections::BTreeMap;

use dacapo::disk::EntryKind;
use dacapo::store::layout::{BlobId, Layout};

use crate::host::Host;
use crate::store::call::{self, KEY_MARKER, MARKER};
use crate::store::clients::contains;
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::oracle::available::may_be_packed;
use crate::store::oracle::trust::is_as_left;
use crate::subject::{Run, Scene};

/// Judges a store that has ended.
///
/// # Errors
/// If a peer has got the version with an IV that another version has, or had.
pub fn judge_stored(scene: &Scene<Files>, history: &[HistoryEntry], ended: &HistoryEntry) -> Result<(), String> {
    let (Some(Outcome::Stored { version, holders, .. }), Some(key)) = (ended.outcome(), ended.key) else {
        return Ok(());
    };
    let is_alone = !ended.meets(history, HistoryEntry::may_be_stored);
    let Some(keys) = scene.clients.keys(ended.host).filter(|_| is_alone) else { return Ok(()) };
    let name = keys.replica_name(&call::key(key));
    for peer in holders {
        // A file of a packed replica may be an older version that could not be removed.
        let has_files = |at: &Host| !may_be_packed(scene, *at) && is_as_left(scene, *at);
        let Some(at) = scene.clients.host(*peer).filter(has_files) else { continue };
        let blob = BlobId::Held(keys.node(), name);
        let places = Layout::ALL.map(|(layout, _)| layout.place(*peer, &blob));
        let first = places.iter().find_map(|place| scene.disks[at].first(place.as_str()));
        if let Some(iv) = first
            && let Some((_, other, of)) = scene.clients.ivs.note(iv, (keys.node(), name, *version))
        {
            return Err(format!("{version} has the IV that {of} of replica {other} had"));
        }
    }
    Ok(())
}

/// Judges a run.
///
/// # Errors
/// Returns the first leak.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    if let Some(leak) = run.clients.leak() {
        return Err(leak);
    }
    for host in 0..run.disks.len() {
        for (path, kind, _) in run.disks[host].tree() {
            let is_identity = path.starts_with("identity");
            let bytes = run.disks[host].content(&path).filter(|_| kind == EntryKind::File && !is_identity);
            if bytes.is_some_and(|bytes| run.clients.has_secret(&bytes)) {
                return Err(format!("n{host} has a key in {path}"));
            }
        }
    }
    let mut ivs = BTreeMap::new();
    for host in 0..run.disks.len() {
        let is_intact = !run.damage.iter().any(|damage| damage.host == host);
        for Sealed { name, bytes, is_replica } in sealed(run, host) {
            if contains(&bytes, MARKER) || contains(&bytes, KEY_MARKER) {
                return Err(format!("n{host} has a name or content in the clear in {name}"));
            }
            if let Some(iv) = bytes.first_chunk::<16>().filter(|_| is_replica && is_intact)
                && let Some(other) = ivs.insert(*iv, name.clone()).filter(|other| *other != name)
            {
                return Err(format!("{name} has the IV of {other}"));
            }
        }
    }
    Ok(())
}

/// What lies on a disk and is no file of the disk's owner.
struct Sealed {
    name: String,
    bytes: Vec<u8>,
    is_replica: bool,
}

fn sealed(run: &Run<Files>, host: Host) -> Vec<Sealed> {
    let disk = &run.disks[host];
    let own = run.clients.id(host).map(|id| id.to_string()).unwrap_or_default();
    let is_own = |path: &str| {
        path.starts_with(&own)
            || path.starts_with("tmp/own.")
            || path.starts_with("quarantine/own.")
            || path.starts_with("kept/own.")
            || path.starts_with("quarantine/catalog.")
            || path.starts_with("catalog.")
    };
    let is_replica = |path: &str| path.contains('/') && !path.starts_with("tmp/") && !path.starts_with("quarantine/");
    let files = disk.tree().into_iter().filter(|(path, kind, _)| *kind == EntryKind::File && !is_own(path));
    let files = files.map(|(path, ..)| {
        let bytes = disk.content(&path).unwrap_or_default();
        // Replicas are named by owner and name: two hosts may have them in different layouts.
        match (path.split_once('/'), path.rsplit_once('/')) {
            (Some((owner, _)), Some((_, replica_name))) if is_replica(&path) => {
                Sealed { name: format!("{owner}/{replica_name}"), bytes, is_replica: true }
            }
            _ => Sealed { name: path, bytes, is_replica: false },
        }
    });
    let packed = Contents::of(disk).packed_replicas().into_iter();
    files.chain(packed.map(|(name, bytes)| Sealed { name, bytes, is_replica: true })).collect()
}

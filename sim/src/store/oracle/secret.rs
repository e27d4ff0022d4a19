//! Promise 6: no content, no name and no key is in the clear on a peer's disk or on the wire, and no IV is used
//! twice. A master secret lies in the identity file of its node and nowhere else, and the cluster's secret nowhere.
//! Sources: the byte tap, and the disks at the end of a run.
//!
//! Cannot see: content shorter than its marker of 16 bytes, and the IVs of versions that were overwritten.

use std::collections::BTreeMap;

use dacapo::disk::EntryKind;

use crate::host::Host;
use crate::store::call::{KEY_MARKER, MARKER};
use crate::store::clients::contains;
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::subject::Run;

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
            let bytes = run.disks[host].read(&path).filter(|_| kind == EntryKind::File && !is_identity);
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
        let bytes = disk.read(&path).unwrap_or_default();
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

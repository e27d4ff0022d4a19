//! Promise 6: no content and no name in the clear on a peer's disk or on the wire, and no IV used twice. Sources: the
//! byte tap and the disks at the end of a run.
//!
//! Cannot see: content shorter than its marker of 16 bytes, and the IVs of versions that were overwritten.

use std::collections::BTreeMap;

use dacapo::disk::EntryKind;

use crate::files::Files;
use crate::files::call::{KEY_MARKER, MARKER};
use crate::files::clients::contains;
use crate::subject::Run;

/// Judges a run.
///
/// # Errors
/// Names the first leak.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    if let Some(leak) = run.clients.leak() {
        return Err(leak);
    }
    let mut ivs = BTreeMap::new();
    for (host, disk) in run.disks.iter().enumerate() {
        let own = run.clients.id(host).map(|id| id.to_string()).unwrap_or_default();
        for (path, kind, _) in disk.tree() {
            let is_own = path.starts_with(&own)
                || path.starts_with("tmp/own.")
                || path.starts_with("quarantine/own.")
                || path == "catalog.redb";
            if kind != EntryKind::File || is_own {
                continue;
            }
            let bytes = disk.read(&path).unwrap_or_default();
            if contains(&bytes, MARKER) || contains(&bytes, KEY_MARKER) {
                return Err(format!("n{host} has a name or content in the clear in {path}"));
            }
            let is_intact = !run.damage.iter().any(|damage| damage.host == host);
            if let Some(iv) = bytes.first_chunk::<16>().filter(|_| {
                path.contains('/') && !path.starts_with("tmp/") && !path.starts_with("quarantine/") && is_intact
            }) && let Some(other) = ivs.insert(*iv, path.clone()).filter(|other| *other != path)
            {
                return Err(format!("{path} has the IV of {other}"));
            }
        }
    }
    Ok(())
}

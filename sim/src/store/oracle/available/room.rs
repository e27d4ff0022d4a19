//! Promise 4 for a peer with a quota: it takes what fits. Sources: the history of the owner's calls, and what the node
//! of the owner tells.
//!
//! Cannot see: a refusal of what fits if all that the owner has ever stored does not.

use dacapo::crypto::{FileName, IV_BYTES, NodeId};
use dacapo::event::Event;
use dacapo::limits::QUOTA_FILE_BYTES;
use dacapo::node::Quota;

use crate::host::Host;
use crate::store::call::{self, Call};
use crate::store::files::Files;
use crate::store::history::HistoryEntry;
use crate::store::options::{is_of_quota, quota};
use crate::store::oracle::trust::has_its_word;
use crate::subject::Scene;

/// Judges what the node of a host has just told.
///
/// # Errors
/// If a peer has refused a file because of its quota, which has room for twice all that the owner has ever stored but
/// for what is larger than the whole quota: an exchange that was given up may still take room beside the one after it.
pub fn judge(scene: &Scene<Files>, host: Host, event: &Event) -> Result<(), String> {
    let Event::ReplicaFailed { peer, file, reason } = event else { return Ok(()) };
    match scene.clients.host(*peer) {
        Some(at) if is_of_quota(reason) && has_room_for_all(scene, host, (at, *peer), *file) => {
            Err(format!("n{at} has refused a file of n{host}, and has room for all that fits its quota: {reason}"))
        }
        _ => Ok(()),
    }
}

fn has_room_for_all(scene: &Scene<Files>, host: Host, (at, peer): (Host, NodeId), file: FileName) -> bool {
    let history = scene.clients.history();
    let of_host = || history.iter().filter(|entry| entry.host == host);
    // Those store files that are not in the history.
    let is_of_many = |entry: &HistoryEntry| matches!(entry.call, Call::StoreMany(_) | Call::PutFolder(_));
    let quota = quota(&scene.clients.options_now(&scene.plan, at));
    // What was taken before there was a quota stays.
    let is_known = has_its_word(scene, host)
        && !scene.clients.settings.has_other_quota(at)
        && has_its_word(scene, at)
        && scene.clients.id(at) == Some(peer)
        && !of_host().any(is_of_many);
    let fits = |bytes: u64| quota.bytes_max.is_none_or(|max| bytes <= max);
    let (mut files, mut all, mut may_fit) = (0_u64, 0_u64, true);
    for entry in of_host() {
        let Call::Store { key, size, .. } = entry.call else { continue };
        let bytes = u64::from(size) + IV_BYTES as u64 + QUOTA_FILE_BYTES;
        if fits(bytes) {
            (files, all) = (files + 2, all + 2 * bytes);
        } else if call::key(key).file_name() == file {
            may_fit = false;
        }
    }
    is_known && may_fit && quota != Quota::default() && fits(all) && quota.files_max.is_none_or(|max| files <= max)
}

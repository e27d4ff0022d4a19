//! Forgets deletions that every peer has known of for long. What peers remember of them is then unknown to this node,
//! and their repairs have them drop it.

use std::time::Duration;

use super::error::RepairError;
use crate::crypto::{ReplicaName, Version};
use crate::event::Event;
use crate::node::config::Mode;
use crate::node::context::Shared;
use crate::node::handle::answers::PeerInfo;
use crate::node::peers::status::{info, locked_out};
use crate::platform::Platform;
use crate::store::{Change, Forgetting, StorageError};

/// Notes that all peers know all deletions, or forgets those that they have known of for long enough. A peer that lacks
/// files, because it does not take them, may still know all deletions. Does nothing if a peer is away, because it may
/// not know them, or if another node has this node's identity, or this directory was put back: then the catalog is not
/// all that counts.
pub(super) async fn consider<P: Platform>(context: &Shared<P>) {
    let Some(known) = known_to_all(context) else { return };
    if context.owner.rolled_back.get().is_some() {
        return;
    }
    let (now, kept) = (context.platform.now(), context.owner.deletions_kept);
    let forgot = context.blocking(move |store| {
        if store.count_own()?.1 == 0 {
            return Ok(0);
        }
        let state = store.forgetting()?;
        let agreed = Some((known, now));
        match state.agreed {
            Some((version, since)) if since <= now => match Duration::from_millis(now.0 - since.0) >= kept {
                true => {
                    let up_to = version.min(known);
                    store.forget_deletions(up_to, Forgetting { floor: up_to.max(state.floor), agreed }, now)
                }
                false => Ok(0),
            },
            // There was nothing to forget so far, or the clock was set back.
            _ => store.commit(&[Change::Forgetting(Forgetting { agreed, ..state })]).map(|_| 0),
        }
    });
    let forgot: Result<u64, StorageError> = forgot.await;
    // If the disk fails, the next heartbeat tries again.
    if let Ok(count @ 1..) = forgot {
        context.tell(&Event::DeletionsForgotten { count });
    }
}

/// Returns the version up to which every peer that may hold anything knows every deletion; `None` if that is not known.
fn known_to_all<P: Platform>(context: &Shared<P>) -> Option<Version> {
    let is_there = |peer: &PeerInfo| peer.is_connected && !peer.sees_twin;
    let peers = &context.peers;
    if !peers.met.is_complete() || !locked_out(context).is_empty() || !info(context).iter().all(is_there) {
        return None;
    }
    peers.connected().iter().map(|peer| peer.repair.knows_deletions()).min().flatten()
}

/// Whether a deletion that a peer remembers is forgotten here.
pub(super) async fn is_forgotten<P: Platform>(
    context: &Shared<P>,
    name: ReplicaName,
    version: Version,
) -> Result<bool, RepairError> {
    if context.owner.mode == Mode::Learning {
        return Ok(false);
    }
    let looked = context.blocking(move |store| {
        let key = store.key_of(name)?;
        store.is_forgotten(key.as_ref(), name, version)
    });
    Ok(looked.await?)
}

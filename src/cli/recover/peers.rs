//! Waiting for the peers of a node that has just started.

use dacapo::node::{Handle, PeerInfo, Progress};
use tokio::time::{Instant, sleep};

use crate::cli::error::CliError;
use crate::cli::limits::{RECOVER_CONNECT_TIMEOUT, RECOVER_POLL_INTERVAL, RECOVER_SETTLE, RECOVER_STALL_TIMEOUT};

/// Waits until all peers are connected that the node dials, or so many, or at least one, and then for a while for the
/// others: those that dial this node are not known before.
pub(in crate::cli) async fn connected(handle: &Handle, enough: Option<usize>) -> Result<Vec<PeerInfo>, CliError> {
    let (started, mut first) = (Instant::now(), None);
    loop {
        let peers = handle.peers().await;
        let (here, away): (Vec<_>, Vec<_>) = peers.into_iter().partition(|peer| peer.is_connected);
        if !here.is_empty() {
            let first = *first.get_or_insert_with(Instant::now);
            let all = match enough {
                Some(enough) => here.len() >= enough,
                None => away.is_empty() && here.iter().any(|peer| peer.is_dialled),
            };
            if all || first.elapsed() > RECOVER_SETTLE {
                return Ok(here);
            }
        } else if started.elapsed() > RECOVER_CONNECT_TIMEOUT {
            return Err(CliError::NoPeers { seconds: RECOVER_CONNECT_TIMEOUT.as_secs() });
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Waits until every peer holds every current file and deletion, and returns those of which that is not known in time.
pub(in crate::cli) async fn current(handle: &Handle) -> Vec<PeerInfo> {
    let started = Instant::now();
    loop {
        let behind = |peer: &PeerInfo| !peer.is_connected || peer.progress != Progress::Current;
        let left: Vec<_> = handle.peers().await.into_iter().filter(behind).collect();
        if left.is_empty() || started.elapsed() > RECOVER_STALL_TIMEOUT {
            return left;
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// What a peer is called in a message.
pub(in crate::cli) fn name(peer: &PeerInfo) -> String {
    let id = peer.peer.map(|peer| peer.short());
    id.or_else(|| peer.address.as_ref().map(ToString::to_string)).unwrap_or_else(|| "unknown".to_owned())
}

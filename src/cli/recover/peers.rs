//! Waiting for the peers of a node that has just started.

use dacapo::node::{Handle, PeerInfo};
use tokio::time::{Instant, sleep};

use crate::cli::error::CliError;
use crate::cli::limits::{RECOVER_CONNECT_TIMEOUT, RECOVER_POLL_INTERVAL, RECOVER_SETTLE};

/// Waits until all peers are connected that the node dials, or at least one, and then for a while for the others.
pub(in crate::cli) async fn connected(handle: &Handle) -> Result<Vec<PeerInfo>, CliError> {
    let (started, mut first) = (Instant::now(), None);
    loop {
        let peers = handle.peers().await;
        let all = !peers.is_empty() && peers.iter().all(|peer| peer.is_connected);
        if peers.iter().any(|peer| peer.is_connected) {
            let first = *first.get_or_insert_with(Instant::now);
            if all || first.elapsed() > RECOVER_SETTLE {
                return Ok(peers.into_iter().filter(|peer| peer.is_connected).collect());
            }
        } else if started.elapsed() > RECOVER_CONNECT_TIMEOUT {
            return Err(CliError::NoPeers { seconds: RECOVER_CONNECT_TIMEOUT.as_secs() });
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

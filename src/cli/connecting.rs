//! Waiting for the peers of a node that has just started: until they are connected, and until they hold what it holds.

use dacapo::disk::dir::DirDisk;
use dacapo::membership::{Dial, Members};
use dacapo::node::{Handle, PeerInfo, Progress, Repairs};
use tokio::time::{Instant, sleep};

use super::error::CliError;
use super::limits::{RECOVER_CONNECT_TIMEOUT, RECOVER_OTHERS_TIMEOUT, RECOVER_POLL_INTERVAL, RECOVER_STALL_TIMEOUT};

/// Waits until `enough` peers are connected, or by default all peers that the node dials. Once one is connected, the
/// wait for the others is short: peers that dial this node are not known before. Returns the connected ones.
pub(crate) async fn connected(handle: &Handle, enough: Option<usize>) -> Result<Vec<PeerInfo>, CliError> {
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
            if all || first.elapsed() > RECOVER_OTHERS_TIMEOUT {
                return Ok(here);
            }
        } else if started.elapsed() > RECOVER_CONNECT_TIMEOUT {
            return Err(CliError::NoPeers { seconds: RECOVER_CONNECT_TIMEOUT.as_secs() });
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Waits until each peer that is connected with one node is connected with another one too. Returns those of which that
/// is not so after the time that the longest wait between two dials takes.
pub(crate) async fn not_followed(old: &Handle, new: &Handle) -> Vec<PeerInfo> {
    let started = Instant::now();
    loop {
        let there = new.peers().await;
        let is_there = |id| there.iter().any(|peer| peer.is_connected && peer.peer == id);
        let of_old = old.peers().await.into_iter();
        let left: Vec<_> = of_old.filter(|peer| peer.is_connected && !is_there(peer.peer)).collect();
        if left.is_empty() || started.elapsed() > RECOVER_OTHERS_TIMEOUT {
            return left;
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Waits until the node knows all that the connected peers hold of its files. Returns the peers of which that is not so
/// though nothing has come of their repair for a while.
pub(crate) async fn not_compared(handle: &Handle) -> Result<Vec<PeerInfo>, CliError> {
    settled(handle, |peer, repairs| peer.is_connected && !peer.peer.is_some_and(|id| repairs.compared.contains(&id)))
        .await
}

/// Waits until every peer holds every current file and deletion. Returns the peers of which that is not known though
/// nothing has come of their repair for a while.
pub(crate) async fn not_current(handle: &Handle) -> Result<Vec<PeerInfo>, CliError> {
    settled(handle, |peer, _| !peer.is_connected || peer.progress != Progress::Current).await
}

/// Waits while peers are left and the repairs make progress. Peers that are away are waited for only a short time.
async fn settled(handle: &Handle, is_left: impl Fn(&PeerInfo, &Repairs) -> bool) -> Result<Vec<PeerInfo>, CliError> {
    let (mut since, mut before) = (Instant::now(), None);
    loop {
        let repairs = handle.repairs().await?;
        let left: Vec<_> = handle.peers().await.into_iter().filter(|peer| is_left(peer, &repairs)).collect();
        let limit = match left.iter().any(|peer| peer.is_connected) {
            true => RECOVER_STALL_TIMEOUT,
            false => RECOVER_OTHERS_TIMEOUT,
        };
        let state = Some((repairs.steps, left.len()));
        if state != before {
            (since, before) = (Instant::now(), state);
        }
        if left.is_empty() || since.elapsed() > limit {
            return Ok(left);
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Notes peers in a data directory, so that the node that runs on it afterwards dials them. If the directory has no
/// list of members yet, it takes `before`.
pub(crate) fn remember(disk: &DirDisk, before: &Members, peers: &[PeerInfo]) -> Result<(), CliError> {
    let listed = Members::load(disk)?;
    let mut members = if listed == Members::default() { before.clone() } else { listed };
    for PeerInfo { peer, address, .. } in peers {
        if let Some(address) = address.clone() {
            members.dial(Dial { address, node: *peer })?;
        }
    }
    Ok(members.save(disk)?)
}

/// Returns what peers are called in a message: their ids, or their addresses if the ids are not known.
pub(crate) fn names<'a>(peers: impl IntoIterator<Item = &'a PeerInfo>) -> Vec<String> {
    let name = |info: &PeerInfo| {
        let id = info.peer.map(|peer| peer.short());
        id.or_else(|| info.address.as_ref().map(ToString::to_string)).unwrap_or_else(|| "unknown".to_owned())
    };
    peers.into_iter().map(name).collect()
}

//! Learning of every file that the peers hold for a node, and fetching those that are not here.

use std::collections::BTreeMap;
use std::sync::Arc;

use dacapo::crypto::Key;
use dacapo::node::{self, FileInfo, GetError, Handle};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::peers::name;
use crate::cli::control::Failure;
use crate::cli::error::CliError;
use crate::cli::limits::{RECOVER_CALLERS, RECOVER_POLL_INTERVAL, RECOVER_STALL_TIMEOUT};
use crate::cli::progress::Progress;

/// Failures that are shown one by one.
const FAILURES_SHOWN_MAX: usize = 20;

/// What came back.
#[derive(Default)]
pub(super) struct Recovered {
    /// Files that are here, those of an earlier call included.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What was learnt of and could not be fetched, and why.
    pub(super) failed: BTreeMap<Key, String>,
    /// Peers that could not be asked at the end: they may hold more.
    pub(super) unasked: Vec<String>,
}

/// Ends when the connected peers hold nothing that is not known, and all that is known is here or failed.
pub(super) async fn all(handle: &Handle, progress: &Progress) -> Result<Recovered, CliError> {
    let mut last_news = (Instant::now(), (0, 0));
    loop {
        let mut recovered = pass(handle, progress).await?;
        progress.say("comparing with the peers");
        let peers = handle.peers().await;
        let (connected, away): (Vec<_>, Vec<_>) = peers.iter().partition(|peer| peer.is_connected);
        let is_told = !connected.is_empty() && connected.iter().all(|peer| peer.progress == node::Progress::Current);
        if is_told && is_settled(handle, &recovered).await? {
            recovered.unasked = away.into_iter().map(name).collect();
            return Ok(recovered);
        }
        let news = (recovered.files, recovered.failed.len());
        if news != last_news.1 {
            last_news = (Instant::now(), news);
        } else if last_news.0.elapsed() > RECOVER_STALL_TIMEOUT {
            return Err(CliError::RecoveryStalled { files: recovered.files });
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Whether nothing was learnt while the last pass ran.
async fn is_settled(handle: &Handle, recovered: &Recovered) -> Result<bool, CliError> {
    let mut known = 0;
    each_page(handle, |page| known += page.len() as u64).await?;
    Ok(known == recovered.files + recovered.failed.len() as u64)
}

/// Fetches what is known and not here, several at a time.
async fn pass(handle: &Handle, progress: &Progress) -> Result<Recovered, CliError> {
    let mut recovered = Recovered::default();
    let mut missing = Vec::new();
    each_page(handle, |page| {
        for info in page {
            if info.is_local {
                recovered.files += 1;
                recovered.bytes += info.size;
            } else {
                missing.push((info.key, info.size));
            }
        }
    })
    .await?;
    if !missing.is_empty() {
        progress.say("recovering");
    }
    progress.set_size(recovered.bytes + missing.iter().map(|(_, size)| size).sum::<u64>(), recovered.bytes);
    let slots = Arc::new(Semaphore::new(RECOVER_CALLERS));
    let mut fetches = JoinSet::new();
    for (key, size) in missing {
        let slot = slots.clone().acquire_owned().await.expect("never closed");
        let handle = handle.clone();
        fetches.spawn_local(async move {
            let fetched = handle.get(&key).await;
            drop(slot);
            (key, size, fetched.map(drop))
        });
        while let Some(done) = fetches.try_join_next() {
            recovered.count(done, progress);
        }
    }
    while let Some(done) = fetches.join_next().await {
        recovered.count(done, progress);
    }
    Ok(recovered)
}

impl Recovered {
    fn count(&mut self, done: Result<(Key, u64, Result<(), GetError>), JoinError>, progress: &Progress) {
        match done.expect("a fetch does not panic") {
            (_, size, Ok(())) => {
                self.files += 1;
                self.bytes += size;
                progress.add(usize::try_from(size).unwrap_or(usize::MAX));
            }
            (key, _, Err(error)) => {
                self.failed.insert(key, Failure::failed(&error).message);
            }
        }
    }
}

/// Tells of the first files that failed, and why.
pub(in crate::cli) fn show_failures(failed: &BTreeMap<Key, String>) {
    for (key, reason) in failed.iter().take(FAILURES_SHOWN_MAX) {
        eprintln!("{key}: {reason}");
    }
}

/// Every file that the node knows, a page at a time.
pub(in crate::cli) async fn each_page(handle: &Handle, mut look: impl FnMut(Vec<FileInfo>)) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let page = handle.list(after.as_ref()).await.map_err(Failure::from)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        look(page);
    }
}

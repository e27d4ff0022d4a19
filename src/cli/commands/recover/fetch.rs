//! Learns of every file that the peers hold for a node, and fetches those that are not here.

use std::collections::BTreeMap;
use std::sync::Arc;

use dacapo::crypto::Key;
use dacapo::node::{GetError, Handle, Progress, Repairs, Unlearnt};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use crate::cli::connecting::names;
use crate::cli::error::CliError;
use crate::cli::limits::{RECOVER_CALLERS, RECOVER_POLL_INTERVAL, RECOVER_STALL_TIMEOUT};
use crate::cli::logging;
use crate::cli::own_files::{FAILURES_SHOWN_MAX, FailedFiles, each_page};
use crate::cli::progress::Meter;

/// What came back.
#[derive(Default)]
pub(super) struct RecoveredFiles {
    /// Files that are here, those of an earlier call included.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// How many of these were here before anything was fetched, and their bytes.
    pub(super) here_before: (u64, u64),
    /// Files that were learnt of and could not be fetched.
    pub(super) failed: FailedFiles,
    /// Versions that peers list and could not give, by what they are called, and why.
    pub(super) not_given: BTreeMap<String, String>,
    /// How many more of these were not noted one by one.
    pub(super) not_noted: u64,
    /// Names that were stored, by the owner's own count, and that no peer lists.
    pub(super) unlisted: u64,
    /// Peers that could not be asked at the end: they may hold more.
    pub(super) unasked: Vec<String>,
    /// Whether nothing more came though peers list more.
    pub(super) has_stalled: bool,
}

/// Fetches until the connected peers hold nothing that is not known, and all that is known is here or failed.
pub(super) async fn all(handle: &Handle, meter: &Meter) -> Result<RecoveredFiles, CliError> {
    let mut last_news = (Instant::now(), (0, 0, 0));
    let mut here_before = None;
    loop {
        let mut recovered = pass(handle, meter).await?;
        recovered.here_before = *here_before.get_or_insert(recovered.here_before);
        meter.say("comparing with the peers");
        let peers = handle.peers().await;
        let (connected, away): (Vec<_>, Vec<_>) = peers.iter().partition(|peer| peer.is_connected);
        let is_told = !connected.is_empty() && connected.iter().all(|peer| peer.progress == Progress::Current);
        let is_done = is_told && knows_no_more(handle, &recovered).await?;
        let repairs = handle.repairs().await?;
        let news = (recovered.files, recovered.failed.count(), repairs.steps);
        if news != last_news.1 {
            last_news = (Instant::now(), news);
        }
        recovered.has_stalled = !is_done && last_news.0.elapsed() > RECOVER_STALL_TIMEOUT;
        if is_done || recovered.has_stalled {
            recovered.unasked = names(away);
            recovered.note(repairs);
            return Ok(recovered);
        }
        sleep(RECOVER_POLL_INTERVAL).await;
    }
}

/// Returns whether nothing was learnt while the last pass ran.
async fn knows_no_more(handle: &Handle, recovered: &RecoveredFiles) -> Result<bool, CliError> {
    let mut known = 0;
    each_page(handle, |page| known += page.len() as u64).await?;
    Ok(known == recovered.files + recovered.failed.count())
}

/// Fetches the known files that are not here, several at a time.
async fn pass(handle: &Handle, meter: &Meter) -> Result<RecoveredFiles, CliError> {
    let mut recovered = RecoveredFiles::default();
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
    recovered.here_before = (recovered.files, recovered.bytes);
    if !missing.is_empty() {
        meter.say("recovering");
    }
    meter.set_size(recovered.bytes + missing.iter().map(|(_, size)| size).sum::<u64>(), recovered.bytes);
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
            recovered.count(done, meter);
        }
    }
    while let Some(done) = fetches.join_next().await {
        recovered.count(done, meter);
    }
    Ok(recovered)
}

impl RecoveredFiles {
    /// Notes what did not come back although peers list it. A file is named by its key if an older version came back,
    /// and otherwise by the name that the peers have for it.
    fn note(&mut self, repairs: Repairs) {
        for Unlearnt { replica_name, key, version, peer, reason } in repairs.unlearnt {
            let name = key.map_or_else(|| replica_name.to_string(), |key| format!("{key}, newer than what came back"));
            let why = self.not_given.entry(format!("{name}: {version}")).or_default();
            let separator = if why.is_empty() { "" } else { "; " };
            *why = format!("{why}{separator}peer {}: {reason}", peer.short());
        }
        self.not_noted = repairs.more;
        let listed = self.not_given.len() as u64 + self.not_noted;
        let missing = repairs.names.map_or(0, |names| names.stored.saturating_sub(names.known));
        self.unlisted = missing.saturating_sub(listed);
    }

    /// Tells of the first files that did not come back, on standard error.
    pub(super) fn show_missing(&self) {
        self.failed.show();
        for (name, why) in self.not_given.iter().take(FAILURES_SHOWN_MAX) {
            logging::note(format_args!("{name}: {why}"));
        }
    }

    fn count(&mut self, done: Result<(Key, u64, Result<(), GetError>), JoinError>, meter: &Meter) {
        match done.expect("a fetch does not panic") {
            (_, size, Ok(())) => {
                self.files += 1;
                self.bytes += size;
                meter.add(usize::try_from(size).unwrap_or(usize::MAX));
            }
            (key, _, Err(error)) => self.failed.insert(key, &error),
        }
    }
}

//! Promises 1, 2 and 8, by what a node says of itself: it counts its files, it remembers whom it has forgotten, and
//! nobody takes up more than the quota at any time; and whether its disk works. Source: its answers.
//!
//! Cannot see: what is said while another call changes it; a disk that works and fails by turns; an owner that has
//! come under a new quota and grows again to what it had.

use dacapo::limits::{DISK_CHECK_KEPT, DISK_CHECK_TIMEOUT};

use crate::fault::Fault;
use crate::platform::elapsed;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::many::Fate;
use crate::store::oracle::trust::{is_as_left, is_full_since, is_sound_since};
use crate::store::status::{files, obeys};
use crate::subject::Scene;

/// Judges how many files a node says that it has.
///
/// # Errors
/// If it has fewer than were acknowledged, or more than were ever stored.
pub fn judge_files(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Told(told) = outcome else { return Ok(()) };
    if !is_as_left(scene, asked.host) {
        return Ok(());
    }
    let many = scene.clients.many.of(asked.host);
    let there = many.iter().filter(|(_, fate)| matches!(fate, Fate::There(..))).count() as u64;
    let Some((least, most)) = files(&scene.clients.history(), asked, many.len() as u64) else { return Ok(()) };
    match told.files {
        found if found < least + there => Err(format!("says that it has {found} files, not {} or more", least + there)),
        found if found > most => Err(format!("says that it has {found} files, not {most} or fewer")),
        _ => Ok(()),
    }
}

/// Judges whom a node says that it has forgotten.
///
/// # Errors
/// If that is not what it was told last.
pub fn judge_forgotten(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Told(told) = outcome else { return Ok(()) };
    obeys(scene, asked.host, &told.forgotten, asked.begun).map_err(|what| format!("says that it {what}"))
}

/// Judges what a node says of its disk.
///
/// # Errors
/// If it says that a good disk does not work, or that one works that was full all the while.
pub fn judge_disk(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Told(told) = outcome else { return Ok(()) };
    // The answer may be one that somebody else has had, and a slow disk gives what it found some time before.
    let delay = |fault: &Fault| match fault {
        Fault::SlowDisk(host, delay) if *host == asked.host => Some(*delay),
        _ => None,
    };
    let slowest = scene.plan.faults().filter_map(delay).max().unwrap_or_default();
    let since = asked.at.saturating_sub(DISK_CHECK_KEPT + slowest);
    match told.is_disk_good {
        // A slow disk has not answered in time.
        false if elapsed() < asked.at + DISK_CHECK_TIMEOUT && is_sound_since(scene, asked.host, since) => {
            Err("says that its disk does not work, and nothing is wrong with it".to_owned())
        }
        true if is_full_since(scene, asked.host, since) => Err("says that its disk works, which is full".to_owned()),
        _ => Ok(()),
    }
}

/// Judges what a node says that it holds.
///
/// # Errors
/// If that is more than the quota.
pub fn judge_held(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), String> {
    let Outcome::Told(told) = outcome else { return Ok(()) };
    let quotas = &scene.clients.quotas;
    match told.held.iter().find(|(owner, held)| !quotas.allow(asked.host, *owner, *held)) {
        Some((owner, held)) => Err(format!("says that it holds {held:?} for {owner}, above its quota")),
        None => Ok(()),
    }
}

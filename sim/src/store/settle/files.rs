//! Whether each file that calls were about is there after the faults, locally and from the peers.

use dacapo::node::{FileInfo, StatError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::calls;
use super::waits::{EXCHANGE_MAX, LOOK_AGAIN, RELEARNT_WITHIN};
use crate::host::Host;
use crate::store::bug::Bug;
use crate::store::call::{self, Call, Reading};
use crate::store::files::Files;
use crate::store::history::{ContentDigest, Outcome};
use crate::store::oracle::{available, durable, live};
use crate::subject::{Broken, Scene};

/// Checks every file of a host, one after the other; but all at once if a peer lies for good, which may hold up each
/// get until a deadline.
pub(super) async fn are_right(scene: &Scene<Files>, host: Host, bug: Option<Bug>) -> Result<(), Broken> {
    let is_held_up = !scene.plan.lost_for_good().is_empty();
    let mut checks = JoinSet::new();
    for key in keys(scene, host) {
        let scene = scene.clone();
        let check = async move {
            deleted_stays_deleted(&scene, host, key, bug).await?;
            expected_file_is_there(&scene, host, key, bug).await
        };
        if is_held_up {
            checks.spawn_local(check);
        } else {
            check.await?;
        }
    }
    while let Some(checked) = checks.join_next().await {
        checked.map_err(|panicked| Broken::new("live", panicked.to_string()))??;
    }
    Ok(())
}

fn keys(scene: &Scene<Files>, host: Host) -> Vec<u8> {
    let history = scene.clients.history();
    let mut keys: Vec<_> = history.iter().filter(|entry| entry.host == host).filter_map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Checks that no local copy is left after an acknowledged delete that nothing followed.
async fn deleted_stays_deleted(scene: &Scene<Files>, host: Host, key: u8, bug: Option<Bug>) -> Result<(), Broken> {
    if !durable::is_deleted_for_good(&scene.clients.history(), host, key) {
        return Ok(());
    }
    match known(scene, host, key, bug).await? {
        Some(info) if info.is_local => {
            Err(Broken::new("durable", format!("the local copy of file {key} of n{host} is back after its delete")))
        }
        _ => Ok(()),
    }
}

/// Gets a file that must be there. If a peer must have it, deletes the local copy and gets the file again.
async fn expected_file_is_there(scene: &Scene<Files>, host: Host, key: u8, bug: Option<Bug>) -> Result<(), Broken> {
    let expected = available::expectation(scene, host, key);
    let known = known(scene, host, key, bug).await?;
    let is_local = known.as_ref().is_some_and(|info| info.is_local);
    if !is_local && known.map_or(expected.is_on_own_disk(), |info| expected.is_here_as(info.version)) {
        let what = format!("the local copy of file {key} of n{host} was acknowledged and is gone");
        return Err(Broken::new("durable", what));
    }
    let begun = Instant::now();
    while let (Some(lost), Some(got)) = (expected.lost(), get(scene, host, key, expected.is_anywhere()).await?)
        && lost != got
    {
        // An owner may have learnt of an older version first. A peer without room for that one did not show it.
        if begun.elapsed() >= RELEARNT_WITHIN {
            let what = format!("file {key} of n{host} is not what a peer acknowledged before its disk forgot it");
            return Err(Broken::new("durable", what));
        }
        sleep(LOOK_AGAIN).await;
    }
    if expected.is_at_a_peer() && !expected.is_newer_possible() {
        scene.notes.note(format!("n{host} deletes file {key} and gets it back"));
        let deleted = live::node(scene, host)?.delete(&call::key(key)).await;
        if is_local {
            deleted.map_err(|error| Broken::new("live", format!("n{host} cannot delete file {key}: {error}")))?;
        }
        get(scene, host, key, true).await?;
    }
    Ok(())
}

/// Asks what a node knows of a file, again and again until it says so or it is too late.
async fn known(scene: &Scene<Files>, host: Host, key: u8, bug: Option<Bug>) -> Result<Option<FileInfo>, Broken> {
    let begun = Instant::now();
    loop {
        let told = match bug {
            Some(Bug::StatFailsInTheEnd) => Err(StatError::Stopped),
            _ => live::node(scene, host)?.stat(&call::key(key)).await,
        };
        match told {
            Ok(info) => return Ok(Some(info)),
            Err(StatError::NotFound | StatError::Deleted) => return Ok(None),
            Err(error) if begun.elapsed() > EXCHANGE_MAX => {
                return Err(Broken::new("live", format!("n{host} does not say what it knows of file {key}: {error}")));
            }
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// Gets a file, again and again until a get succeeds or it is too late, and returns its content.
async fn get(scene: &Scene<Files>, host: Host, key: u8, must_be_there: bool) -> Result<Option<ContentDigest>, Broken> {
    let begun = Instant::now();
    loop {
        match calls::make(scene, host, Call::Get { key, reading: Reading::Whole }, None).await? {
            Outcome::Got(digest) => return Ok(Some(digest)),
            other if must_be_there && begun.elapsed() > EXCHANGE_MAX => {
                return Err(Broken::new("available", format!("file {key} of n{host} must be there: {other}")));
            }
            _ if must_be_there => sleep(LOOK_AGAIN).await,
            _ => return Ok(None),
        }
    }
}

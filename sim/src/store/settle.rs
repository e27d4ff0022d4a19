//! The check after the faults: every node is up and connected, every file that must be there is there, locally and
//! from the peers, and new files go everywhere. If a host lies for good, that holds for all others.

mod calls;
mod files;
mod many;
mod members;
mod reach;
mod upkeep;
mod waits;

use std::time::Duration;

use dacapo::limits::{DELETIONS_KEPT, HEARTBEAT_INTERVAL};
use tokio::time::{Instant, sleep};

use super::bug::Bug;
use super::files::Files;
use super::options::deletions_kept;
use super::oracle::bounded::{self, Leftover};
use super::oracle::{convergent, faithful, live, trust};
use crate::host::Host;
use crate::platform::elapsed;
use crate::subject::{Broken, Scene};
use waits::{CONVERGED_WITHIN, EXCHANGE_MAX, LOOK_AGAIN, converged_within};

/// How often the check looks whether all are connected.
const LOOK: Duration = Duration::from_millis(100);

/// How often the check waits for all files.
const WAITS: u32 = 4;

/// In one of how many runs the check looks whether what has come right stays so, and after what time: three heartbeats.
/// More runs find more than longer ones. If nodes forget deletions soon, all such runs are longer by that time.
const LASTS_ONE_IN: u64 = 8;
const LASTS: Duration = Duration::from_secs(3 * HEARTBEAT_INTERVAL.as_secs());

pub(super) async fn settle(scene: Scene<Files>, bug: Option<Bug>) -> Result<(), Broken> {
    // Each of the steps below that wait for files has a bound of its own.
    scene.longer.set(WAITS * (converged_within(&scene) - CONVERGED_WITHIN));
    running(&scene).await;
    restart_damaged(&scene).await?;
    members::reunite(&scene).await?;
    reach::bring_back(&scene).await?;
    connected(&scene).await;
    scene.lacks.take();
    scene.notes.note("all are connected".to_owned());
    if let Some(trespass) = scene.clients.trespass() {
        return Err(Broken::new("closed", trespass));
    }
    exchanges_end(&scene).await;
    let hosts = scene.plan.hosts_left();
    // Where no disk has done anything wrong, nobody needs to look at what lies on it.
    if hosts.iter().all(|host| trust::is_faultless(&scene, *host)) {
        converge(&scene, false).await?;
    }
    if bug != Some(Bug::ScrubForgotten) {
        scrub(&scene).await?;
    }
    converge(&scene, true).await?;
    for host in &hosts {
        files::are_right(&scene, *host, bug).await?;
        many::are_right(&scene, *host, bug).await?;
    }
    for host in &hosts {
        let begun = Instant::now();
        while let Err(broken) = live::serves_again(&scene, *host).await {
            // A dead connection may not have been noticed yet.
            if begun.elapsed() > EXCHANGE_MAX {
                return Err(broken);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    at_rest(&scene).await?;
    upkeep::goes_on(&scene).await?;
    calls::do_what_they_are_for(&scene, bug).await?;
    let forgetting = hosts.iter().filter_map(|host| forgets_within(&scene, *host)).max();
    if scene.plan.seed.is_multiple_of(LASTS_ONE_IN) || forgetting.is_some() {
        converge(&scene, true).await?;
        sleep(LASTS + forgetting.unwrap_or_default()).await;
        // A connection may have been lost meanwhile, to what was on its way before.
        let begun = Instant::now();
        while !convergent::have_all_learnt(&scene).await && begun.elapsed() < CONVERGED_WITHIN {
            sleep(LOOK_AGAIN).await;
        }
        convergent::judge(&scene, true)
            .await
            .map_err(|what| Broken::new("convergent", format!("at first, and then {what}")))?;
    }
    Ok(())
}

/// Returns how long the node of a host remembers deletions, if it made some and forgets them soon.
fn forgets_within(scene: &Scene<Files>, host: Host) -> Option<Duration> {
    let kept = deletions_kept(&scene.clients.options_ever(&scene.plan, host));
    let has_erased = scene.clients.history().iter().any(|entry| entry.host == host && entry.is_erased());
    (kept < DELETIONS_KEPT && has_erased).then_some(kept)
}

/// Waits until every node runs. The caller sets the deadline.
async fn running(scene: &Scene<Files>) {
    while let Some(host) = scene.plan.hosts_left().into_iter().find(|host| scene.clients.node(*host).is_none()) {
        scene.lacks.replace(format!("n{host} does not run"));
        sleep(LOOK).await;
    }
}

/// Starts every node again whose catalog may have lost its name since its last start: the node uses that file until
/// then. All other damage it has to notice while it runs.
async fn restart_damaged(scene: &Scene<Files>) -> Result<(), Broken> {
    let honest = scene.plan.hosts_left();
    let has_other_file = |host: &Host| scene.plan.faults().any(|fault| fault.takes_name_at() == Some(*host));
    for host in scene.clients.damaged().into_iter().filter(|host| honest.contains(host) && has_other_file(host)) {
        live::node(scene, host)?.stop().await;
        while scene.clients.damaged().contains(&host) || scene.clients.node(host).is_none() {
            sleep(LOOK).await;
        }
    }
    Ok(())
}

/// Waits until every two nodes are connected of which one dials the other. The caller sets the deadline.
async fn connected(scene: &Scene<Files>) {
    while let Some((one, other)) = reach::missing(scene).await {
        scene.lacks.replace(format!("n{one} is not connected with n{other}, which it dials, or which dials it"));
        sleep(LOOK).await;
    }
}

/// Waits until every exchange has ended that is on its way: one whose bytes were lost ends at its deadline. Returns a
/// temporary file that was there all the while, if there is one; each attempt has a name of its own.
async fn exchanges_end(scene: &Scene<Files>) -> Option<Leftover> {
    let begun = Instant::now();
    let mut ever_since = bounded::leftovers(&scene.plan, &scene.disks);
    while !ever_since.is_empty() && begun.elapsed() < EXCHANGE_MAX {
        sleep(LOOK).await;
        let there = bounded::leftovers(&scene.plan, &scene.disks);
        ever_since.retain(|file| there.contains(file));
    }
    ever_since.pop_first()
}

/// Has every node scrub its disk, as it does once a day by itself. A scrub that could not read everything is made
/// again: it may have come upon a damaged catalog.
async fn scrub(scene: &Scene<Files>) -> Result<(), Broken> {
    for host in scene.plan.hosts_left() {
        let begun = elapsed();
        let scrubbed = loop {
            let (told, _) = tokio::sync::mpsc::channel(1);
            let scrubbed = live::node(scene, host)?.scrub(told).await;
            let scrubbed =
                scrubbed.map_err(|error| Broken::new("live", format!("the scrub of n{host} failed: {error}")))?;
            if scrubbed.failed == 0 || elapsed() > begun + EXCHANGE_MAX {
                break scrubbed;
            }
            sleep(LOOK_AGAIN).await;
        };
        scene.notes.note(format!("n{host} scrubbed {} files, {} damaged", scrubbed.checked, scrubbed.damaged));
        faithful::judge_damage(scene, host, begun, scrubbed.damaged).map_err(|what| Broken::new("faithful", what))?;
    }
    Ok(())
}

/// Waits until no node is busy, within the time that everything may take to converge. A peer that lies for good may
/// keep others busy: then only what they have left of earlier exchanges is judged.
async fn at_rest(scene: &Scene<Files>) -> Result<(), Broken> {
    if !scene.plan.lying_for_good().is_empty() {
        return match exchanges_end(scene).await {
            Some(file) => Err(Broken::new("bounded", file.to_string())),
            None => Ok(()),
        };
    }
    let within = converged_within(scene);
    for host in scene.plan.hosts_left() {
        let begun = Instant::now();
        loop {
            let status = live::node(scene, host)?.status().await;
            let failed = |error| Broken::new("live", format!("n{host} says nothing of itself: {error}"));
            let load = status.map_err(failed)?.load;
            let Err(what) = bounded::judge_load(scene, host, load) else { break };
            if begun.elapsed() > within {
                return Err(Broken::new("bounded", what));
            }
            sleep(LOOK).await;
        }
    }
    Ok(())
}

/// Waits until every connected peer holds every current file, within the stated time.
async fn converge(scene: &Scene<Files>, is_scrubbed: bool) -> Result<(), Broken> {
    let (begun, within) = (Instant::now(), converged_within(scene));
    loop {
        match convergent::judge(scene, is_scrubbed).await {
            Ok(()) => break,
            Err(what) if begun.elapsed() > within => return Err(Broken::new("convergent", what)),
            Err(what) => {
                scene.lacks.replace(what);
                sleep(LOOK_AGAIN).await;
            }
        }
    }
    scene.lacks.take();
    scene.notes.note("every connected peer holds every current file".to_owned());
    Ok(())
}

//! After the faults: every node is up and connected, every file that must be there is there, locally and from the
//! peers, and new files go everywhere.

use std::time::Duration;

use dacapo::limits::PROGRESS_TIMEOUT;
use dacapo::node::{Content, Handle, Replicas};
use tokio::time::{Instant, sleep};

use super::call::{self, Call, FRESH_KEY};
use super::history::{Entry, Outcome, digest};
use super::{Files, perform, replicas};
use crate::links::Host;
use crate::oracle::{available, convergent, durable};
use crate::planted::Bug;
use crate::subject::{Broken, Scene};

/// How often it is looked whether all are connected.
const LOOK: Duration = Duration::from_millis(100);

/// The longest that an exchange goes on whose bytes were lost, and as much again.
const EXCHANGE_MAX: Duration = Duration::from_secs(2 * PROGRESS_TIMEOUT.as_secs());

/// When all are connected and no exchange hangs, every connected peer holds every current file after this: a heartbeat,
/// the longest wait of a repair that failed, an exchange that stalls, and the repair itself.
const CONVERGED_WITHIN: Duration = Duration::from_secs(60);

/// How long it takes until a check that failed is made again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the checks store and read.
const FRESH: &[u8] = b"dacapo plaintext of the check after the faults";

pub(super) async fn settle(scene: Scene<Files>, bug: Option<Bug>) -> Result<(), Broken> {
    connected(&scene).await;
    scene.notes.note("all are connected".to_owned());
    if let Some(trespass) = scene.clients.trespass() {
        return Err(broken("closed", trespass));
    }
    exchanges_end(&scene).await;
    if bug != Some(Bug::ScrubForgotten) {
        scrub(&scene).await?;
    }
    converge(&scene).await?;
    let hosts: Vec<Host> = (0..scene.plan.nodes).collect();
    for host in &hosts {
        for key in keys(&scene, *host) {
            deleted_stays_deleted(&scene, *host, key).await?;
            expected_file_is_there(&scene, *host, key).await?;
        }
    }
    for host in &hosts {
        let begun = Instant::now();
        while let Err(broken) = new_files_go_everywhere(&scene, *host).await {
            // A dead connection may not have been noticed yet.
            if begun.elapsed() > EXCHANGE_MAX {
                return Err(broken);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

fn broken(oracle: &'static str, what: String) -> Broken {
    Broken { oracle, what }
}

/// Waits until every node runs and is connected with all that it dials. The deadline is the caller's.
async fn connected(scene: &Scene<Files>) {
    for host in 0..scene.plan.nodes {
        while !is_connected(scene, host).await {
            sleep(LOOK).await;
        }
    }
}

async fn is_connected(scene: &Scene<Files>, host: Host) -> bool {
    let Some(node) = scene.clients.node(host) else { return false };
    let dialled = scene.plan.dials.iter().filter(|(from, _)| *from == host).map(|(_, to)| *to);
    let dialling = scene.plan.dials.iter().filter(|(_, to)| *to == host).map(|(from, _)| *from);
    let peers = node.peers().await;
    dialled.chain(dialling).all(|other| {
        let id = scene.clients.id(other);
        id.is_some() && peers.iter().any(|peer| peer.is_connected && peer.peer == id)
    })
}

/// Waits until no exchange is on its way any more: one whose bytes were lost ends at its deadline. What is left then
/// is for the oracle to judge.
async fn exchanges_end(scene: &Scene<Files>) {
    let begun = Instant::now();
    let is_writing = || scene.disks.iter().any(|disk| disk.tree().iter().any(|(path, ..)| path.starts_with("tmp/")));
    while is_writing() && begun.elapsed() < EXCHANGE_MAX {
        sleep(LOOK).await;
    }
}

/// Has every node look at its disk, as its background does once a day.
async fn scrub(scene: &Scene<Files>) -> Result<(), Broken> {
    for host in 0..scene.plan.nodes {
        let (told, _) = tokio::sync::mpsc::channel(1);
        let scrubbed = node(scene, host)?.scrub(told).await;
        let scrubbed = scrubbed.map_err(|error| broken("live", format!("the scrub of n{host} failed: {error}")))?;
        scene.notes.note(format!("n{host} scrubbed {} files, {} damaged", scrubbed.checked, scrubbed.damaged));
    }
    Ok(())
}

/// Waits until every connected peer holds every current file, within the stated time.
async fn converge(scene: &Scene<Files>) -> Result<(), Broken> {
    let begun = Instant::now();
    loop {
        match convergent::judge(scene).await {
            Ok(()) => break,
            Err(what) if begun.elapsed() > CONVERGED_WITHIN => return Err(broken("convergent", what)),
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
    scene.notes.note("every connected peer holds every current file".to_owned());
    Ok(())
}

fn keys(scene: &Scene<Files>, host: Host) -> Vec<u8> {
    let history = scene.clients.history();
    let mut keys: Vec<_> = history.iter().filter(|entry| entry.host == host).filter_map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn node(scene: &Scene<Files>, host: Host) -> Result<Handle, Broken> {
    scene.clients.node(host).ok_or_else(|| broken("live", format!("n{host} stopped after the faults")))
}

/// An acknowledged delete that nothing followed has left no local copy.
async fn deleted_stays_deleted(scene: &Scene<Files>, host: Host, key: u8) -> Result<(), Broken> {
    if !durable::is_deleted_for_good(&scene.clients.history(), host, key) {
        return Ok(());
    }
    match node(scene, host)?.stat(&call::key(key)).await {
        Ok(info) if info.is_local => {
            Err(broken("durable", format!("the local copy of file {key} of n{host} is back after its delete")))
        }
        _ => Ok(()),
    }
}

/// Gets a file that must be there; deletes the local copy where a peer must have it, and gets it again.
async fn expected_file_is_there(scene: &Scene<Files>, host: Host, key: u8) -> Result<(), Broken> {
    let expected = available::expectation(scene, host, key);
    let is_local = node(scene, host)?.stat(&call::key(key)).await.is_ok_and(|info| info.is_local);
    if expected.is_on_own_disk() && !is_local {
        return Err(broken("durable", format!("the local copy of file {key} of n{host} was acknowledged and is gone")));
    }
    get(scene, host, key, expected.is_anywhere()).await?;
    if expected.is_at_a_peer() && !expected.is_newer_possible() {
        scene.notes.note(format!("n{host} deletes file {key} and gets it back"));
        let deleted = node(scene, host)?.delete(&call::key(key)).await;
        if is_local {
            deleted.map_err(|error| broken("live", format!("n{host} cannot delete file {key}: {error}")))?;
        }
        get(scene, host, key, true).await?;
    }
    Ok(())
}

/// Gets of the check, until one succeeds or it is too late: into the history, judged as every other.
async fn get(scene: &Scene<Files>, host: Host, key: u8, must_be_there: bool) -> Result<(), Broken> {
    let begun = Instant::now();
    loop {
        let moment = scene.clients.begin();
        let entry = Entry::new(scene.clients.count(), host, Call::Get { key }, moment);
        let index = scene.clients.add(entry.clone());
        let outcome = perform(scene, &entry).await;
        scene.clients.end(index, outcome.clone());
        if let Some(broken) = scene.clients.look_at(index) {
            return Err(broken);
        }
        match outcome {
            Outcome::Got(_) => return Ok(()),
            other if must_be_there && begun.elapsed() > EXCHANGE_MAX => {
                return Err(broken("available", format!("file {key} of n{host} must be there: {other}")));
            }
            _ if must_be_there => sleep(LOOK_AGAIN).await,
            _ => return Ok(()),
        }
    }
}

/// A new file is acknowledged by every connected peer and comes back from them.
async fn new_files_go_everywhere(scene: &Scene<Files>, host: Host) -> Result<(), Broken> {
    let node = node(scene, host)?;
    let failed = |what: String| broken("live", format!("after the faults, on n{host}: {what}"));
    let key = call::key(FRESH_KEY);
    let stored = node.store(&key, Content::bytes(FRESH)).await.map_err(|error| failed(error.to_string()))?;
    if let Some(receipt) = stored.receipts.iter().find(|receipt| receipt.outcome.is_err()) {
        return Err(failed(format!("{receipt:?}")));
    }
    let connected = node.peers().await.iter().filter(|peer| peer.is_connected).count();
    let connected = match replicas(&scene.plan.options_of(host)) {
        Replicas::All => connected,
        Replicas::Count(count) => connected.min(count.get()),
    };
    if stored.receipts.len() < connected {
        return Err(failed(format!("{} of {connected} peers were told", stored.receipts.len())));
    }
    if stored.receipts.is_empty() {
        return Ok(());
    }
    node.delete(&key).await.map_err(|error| failed(error.to_string()))?;
    let fetched = node.get(&key).await.map_err(|error| failed(error.to_string()))?;
    let content = fetched.read_all().await.map_err(|error| failed(error.to_string()))?;
    if digest(&content) == digest(FRESH) { Ok(()) } else { Err(failed("other bytes came back".to_owned())) }
}

//! The program of an honest host: the unchanged node, on the platform of the simulation, with a planted bug around it
//! if one is planted.

use std::rc::Rc;

use dacapo::disk::Disk;
use dacapo::event::{Event, EventSink};
use dacapo::http::Feed;
use dacapo::node::{Config, Lane, Node, StartError};
use dacapo::seed::Seed;
use dacapo::store::{Identity, LayoutError, StorageError};

use super::bug::Bug;
use super::contents::Contents;
use super::conversion::convert_if_told;
use super::files::Files;
use super::http;
use super::options::{cluster, deletions_kept, has_moved, layout, quota, replicas, upkeep};
use super::oracle::judge_event;
use super::planted::{BugDisk, BugTransport};
use super::quotas::usage;
use super::recovery;
use super::told::tell;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::platform::{NOTHING_FRESH, SimPlatform};
use crate::subject::{Boot, Ended, Scene};
use crate::trace::Tracer;

/// Starts the node of a host and runs it until it stops.
pub(super) async fn run(boot: Boot<Files>, bug: Option<Bug>) -> Ended {
    let bug = bug.filter(|bug| bug.is_in(&boot.scene.plan));
    match bug {
        None => start(boot, |disk| disk, None).await,
        Some(bug) => start(boot, |disk| BugDisk::new(disk, bug), Some(bug)).await,
    }
}

/// Returns where the events of a host's node go: into the trace, to the clients, and to those oracles that judge each.
fn judged(scene: Scene<Files>, host: Host, events: Tracer<Event>, bug: Option<Bug>) -> EventSink {
    Rc::new(move |event| {
        let misreported = bug.and_then(|bug| bug.misreport(event));
        let event = misreported.as_ref().unwrap_or(event);
        tell(&events, event);
        let was_known = scene.clients.notice(host, event);
        if let Err(broken) = judge_event(&scene, host, event, was_known) {
            scene.note_broken(broken);
        }
    })
}

async fn start<D: Disk>(boot: Boot<Files>, wrap: impl FnOnce(SimDisk) -> D, bug: Option<Bug>) -> Ended {
    let Boot { host, number, options, seed, dials, transport, disk, clock, events, scene, .. } = boot;
    let clients = scene.clients.clone();
    let first = quota(&options);
    let options = clients.settings.current(host, options);
    let listen = if has_moved(&options) { &boot.listen_elsewhere } else { &boot.listen };
    let transport = BugTransport::new(transport, bug, boot.listen_elsewhere.port());
    let platform = SimPlatform { transport, disk: wrap(disk.clone()), clock, entropy: NOTHING_FRESH };
    let seed = bug.map_or(seed.clone(), |bug| bug.seed(&seed, host));
    let (feed, judged) = (Feed::default(), judged(scene, host, events.clone(), bug));
    let config = Config {
        peers: dials,
        layout: layout(&options).filter(|_| !clients.conversions.has(host)),
        replicas: bug.map_or(replicas(&options), |bug| bug.miscount(replicas(&options))),
        quota: bug.map_or(quota(&options), |bug| bug.overlook(quota(&options), first)),
        deletions_kept: bug.map_or(deletions_kept(&options), |bug| bug.hurry(deletions_kept(&options))),
        upkeep: upkeep(&options),
        events: if bug == Some(Bug::EventsUntold) { judged } else { feed.before(judged) },
        ..Config::new(listen.clone(), cluster(), seed)
    };
    clients.starts(host);
    match convert_if_told(&platform, clients.conversions.take(host), number, &config.events) {
        Ok(told) => told.into_iter().for_each(|told| events.note(told)),
        Err(why) => return Ended::Failed(why),
    }
    if clients.is_to_learn(host) {
        let learnt = recovery::learn(platform, config).await.inspect(|told| events.note(told.clone()));
        return learnt.map_or_else(Ended::Failed, |_| Ended::Stopped);
    }
    let node = match Node::start(platform, config).await {
        Ok(node) => node,
        Err(error) => {
            // What the message says to do.
            if matches!(error, StartError::Store(StorageError::Layout(LayoutError::Mismatch { .. }))) {
                clients.conversions.order(host);
            }
            return Ended::Failed(error.to_string());
        }
    };
    let _served = match http::serve(&options, node.handle(), feed).await {
        Ok(served) => served,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    let _running = clients.started(host, node.handle());
    let held = || Contents::of(&disk).held().iter().map(|(owner, replicas)| (*owner, usage(replicas))).collect();
    clients.quotas.note(host, quota(&options), held);
    // The node has made its identity, so this makes none.
    if let Ok(identity) = Identity::load_or_create(&disk, &mut Seed::from_u64(0).rng(Lane::Identity)) {
        clients.learn(host, &identity.master);
        if matches!(bug, Some(Bug::KeysStolen | Bug::InventorySigned)) {
            clients.steal(&identity.master);
        }
    }
    match node.stopped().await {
        Ok(()) => Ended::Stopped,
        Err(panicked) => Ended::Broken(panicked.to_string()),
    }
}

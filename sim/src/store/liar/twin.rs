//! The twin of another node: an honest one with that node's identity, on a disk that was empty. So is a node that was
//! recovered while the one that was thought to be lost still runs. It stores a file, which the node whose twin it is
//! may have as well.

use std::rc::Rc;
use std::time::Duration;

use dacapo::node::{Config, Content, Handle, Node};
use dacapo::store::Identity;
use tokio::time::{sleep, timeout};

use crate::disk::SimDisk;
use crate::host::Host;
use crate::platform::{NOTHING_FRESH, SimPlatform};
use crate::store::call::{self, Call, Source};
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::listing::fetch_all;
use crate::store::options::{cluster, layout};
use crate::store::told::tell;
use crate::subject::{Boot, Ended, Scene};

/// When the twin stops at the latest, because somebody has noticed it.
const NOTICED: Duration = Duration::from_secs(20);

/// When the twin stores a file: a heartbeat after its peers have told everybody that they see it.
const STORES_AFTER: Duration = Duration::from_secs(7);

/// What the twin stores.
const STORED: Call = Call::Store { key: 0, size: 100, source: Source::Memory };

/// The number of the call by which a twin stores: no plan has so many calls.
const CALL: usize = 1 << 20;

/// Runs a twin of the first other node until it is noticed, or its host is killed.
pub(super) async fn run(boot: Boot<Files>) -> Ended {
    let Boot { host, options, seed, listen, hosts, transport, clock, scene, events, .. } = boot;
    let of: Host = usize::from(host == 0);
    // Whoever is connected with both can notice it.
    let others = hosts.into_iter().enumerate().filter(|(other, _)| *other != host && *other != of);
    let disk = SimDisk::new();
    let restored = scene.clients.secret(of).map(|secret| Identity::restore(&disk, &secret));
    let Some(Ok(_)) = restored else { return Ended::Failed("there is no node yet to be like".to_owned()) };
    scene.clients.gets_twin(of);
    let config = Config {
        peers: others.map(|(_, address)| address).collect(),
        layout: layout(&options),
        events: Rc::new(move |event| tell(&events, event)),
        ..Config::new(listen, cluster(), seed)
    };
    let node = match Node::start(SimPlatform { transport, disk, clock, entropy: NOTHING_FRESH }, config).await {
        Ok(node) => node,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    // It asks for all that it learns of.
    let handle = node.handle();
    let works = async { tokio::join!(biased; store(&scene, of, &handle), fetch_all(handle.clone())) };
    _ = timeout(NOTICED, works).await;
    scene.clients.twin_stops(of);
    node.handle().stop().await;
    match node.stopped().await {
        // It is not started again.
        Ok(()) => std::future::pending().await,
        Err(panicked) => Ended::Broken(panicked.to_string()),
    }
}

/// Stores a file in the name of the node whose twin this is. Nobody knows whether that node will have it.
async fn store(scene: &Scene<Files>, of: Host, twin: &Handle) {
    sleep(STORES_AFTER).await;
    let Call::Store { key, size, .. } = STORED else { return };
    let mut entry = HistoryEntry::new(CALL, of, STORED, scene.clients.begin());
    entry.ended = Some((entry.begun, Outcome::Unconfirmed));
    _ = scene.clients.add(entry);
    let content = call::content(CALL, size);
    drop(twin.store(&call::key(key), Content::bytes(content)).await);
}

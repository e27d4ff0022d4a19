//! The twin of another node: an honest one with that node's identity, on a disk that was empty. So is a node that was
//! recovered while the one that was thought to be lost still runs.

use std::rc::Rc;
use std::time::Duration;

use dacapo::node::{Config, Node};
use dacapo::store::Identity;
use tokio::time::timeout;

use crate::disk::SimDisk;
use crate::host::Host;
use crate::platform::{NOTHING_FRESH, SimPlatform};
use crate::store::files::Files;
use crate::store::listing::fetch_all;
use crate::store::options::{cluster, layout};
use crate::store::told::tell;
use crate::subject::{Boot, Ended};

/// When the twin stops at the latest, because somebody has noticed it.
const NOTICED: Duration = Duration::from_secs(10);

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
    _ = timeout(NOTICED, fetch_all(node.handle())).await;
    node.handle().stop().await;
    match node.stopped().await {
        // It is not started again.
        Ok(()) => std::future::pending().await,
        Err(panicked) => Ended::Broken(panicked.to_string()),
    }
}

//! One seed on two networks: a walkthrough on real TCP with real directories and one on turmoil with simulated disks
//! leave the same bytes under the same names, the same catalogs, and the same events on each node.

use std::collections::BTreeMap;
use std::time::Duration;

use dacapo::crypto::Keys;
use dacapo::disk::dir::DirDisk;
use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind, read_full};
use dacapo::event::Event;
use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo::store::{Identity, Store};
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::node_seed;
use dacapo_sim::store::walkthrough::star::{self, FILES};

use crate::support::real;

const SEED: u64 = 5;

/// What a run leaves on one node, as far as it must not depend on the network.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    blobs: BTreeMap<String, Vec<u8>>,
    catalog: String,
    events: Vec<String>,
}

#[test]
fn the_walkthrough_leaves_the_same_on_both_networks() {
    let simulated = on_turmoil();
    let real = on_tcp();
    for (host, simulated) in &simulated {
        let real = &real[host];
        assert_eq!(simulated.blobs.len(), FILES, "{host} holds every file");
        assert_eq!(simulated.blobs, real.blobs, "the blobs of {host}");
        assert_eq!(simulated.catalog, real.catalog, "the catalog of {host}");
        assert_eq!(simulated.events, real.events, "the events of {host}");
    }
}

fn on_turmoil() -> BTreeMap<String, Left> {
    let outcome = walkthrough::run(SEED, FILES);
    assert_eq!(outcome.failure, None);
    let left = |(host, disk): (&String, &dacapo_sim::disk::SimDisk)| {
        (host.clone(), look(&disk.boot(), outcome.trace.events(host)))
    };
    outcome.disks.iter().map(left).collect()
}

fn on_tcp() -> BTreeMap<String, Left> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut nodes = BTreeMap::new();
    real::run(async {
        for host in star::hosts() {
            let dial = |(name, _): &(String, u16)| {
                let (node, _): &(dacapo::node::Node, real::Events) = &nodes[name];
                node.handle().address().into()
            };
            let peers = host.dials.iter().map(dial).collect();
            let directory = folder.path().join(&host.name);
            let seed = node_seed(SEED, &host.name, 0);
            nodes.insert(host.name, real::start(real::bare(), &directory, peers, seed).await);
        }
        let origin = nodes[star::ORIGIN].0.handle();
        star::connected(&origin, star::HOLDERS.len()).await;
        star::cycle(&origin, FILES).await.expect("the cycle succeeds");
        for peer in star::HOLDERS {
            // The peer that answered second may still be sending.
            let served = || nodes[peer].1.borrow().iter().filter(|event| is_served(event)).count();
            while served() < FILES {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        // Events from here on are not part of the walkthrough: the nodes stop one after the other.
        let left: BTreeMap<_, _> =
            nodes.iter().map(|(host, (_, events))| (host.clone(), events.borrow().clone())).collect();
        for (node, _) in nodes.into_values() {
            node.handle().stop().await;
            node.stopped().await.expect("no task panicked");
        }
        left
    })
    .into_iter()
    .map(|(host, events)| {
        let disk = DirDisk::open(&folder.path().join(&host)).expect("the node has closed it");
        (host, look(&disk, events.iter()))
    })
    .collect()
}

fn is_served(event: &Event) -> bool {
    matches!(event, Event::ReplicaServed { .. })
}

fn look<'a>(disk: &impl Disk, events: impl Iterator<Item = &'a Event>) -> Left {
    let mut blobs = BTreeMap::new();
    collect(disk, &DiskPath::root(), &mut blobs);
    let mut events: Vec<_> = events.filter(|event| !matches!(event, Event::Stopped)).map(normalise).collect();
    // The two peers work at the same time, and the network decides in which order.
    events.sort();
    Left { blobs, catalog: catalog(disk), events }
}

fn collect(disk: &impl Disk, folder: &DiskPath, blobs: &mut BTreeMap<String, Vec<u8>>) {
    for entry in disk.list(folder).expect("a readable folder") {
        let path = folder.child(&entry.name);
        if entry.kind == EntryKind::Dir {
            collect(disk, &path, blobs);
        } else if *folder != DiskPath::root() {
            let file = disk.open(&path).expect("a readable file");
            let mut bytes = vec![0; usize::try_from(file.len().expect("a length")).expect("small")];
            read_full(&file, 0, &mut bytes).expect("readable");
            blobs.insert(path.to_string(), bytes);
        }
    }
}

fn catalog(disk: &impl Disk) -> String {
    // Nothing is drawn: the identity is there already.
    let mut lane = Seed::from_u64(0).rng(Lane::Identity);
    let identity = Identity::load_or_create(disk, &mut lane).expect("an identity");
    assert!(!identity.is_new);
    let (store, _) = Store::open(disk.clone(), &Keys::derive(&identity.master)).expect("a store");
    let own = store.list_own("", None, 100).expect("readable");
    let held = store.list_held(None, 100).expect("readable");
    format!("{own:#?}\n{held:#?}")
}

/// Writes an event without what the network decides: addresses, and which of two equal copies came first.
fn normalise(event: &Event) -> String {
    let mut event = event.clone();
    match &mut event {
        Event::Started { address, .. } => *address = ([0, 0, 0, 0], 0).into(),
        Event::Dialled { address } => *address = real::any_port(),
        Event::PeerConnected { address, .. } => *address = None,
        Event::FileFetched { peer, .. } => peer.0 = [0; 32],
        _ => {}
    }
    format!("{event:?}")
}

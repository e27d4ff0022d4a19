//! The program of a host that lies. It has the identity and the replicas of the node whose place it takes, is a
//! member of the cluster like any other, and breaks the rules in one way; or it is a stranger without the cluster
//! secret. It keeps in memory only what it is given while it lies.

mod attack;
mod false_owner;
mod inventory;
mod lie;
mod serve;
mod state;
mod twin;
mod whereabouts;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, Keys};
use dacapo::limits::LIST_PAGE_MAX;
use dacapo::node::Lane;
use dacapo::protocol::BootId;
use dacapo::seed::SeedRng;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Identity, News, Store};
use dacapo::transport::Transport;

use super::bug::Bug;
use super::files::Files;
use super::options::{cluster, layout};
use super::scripted_peer::Replica;
use crate::disk::SimDisk;
use crate::subject::{Boot, Ended};
use state::Liar;

pub use lie::Lie;

/// Lies until the host is killed.
pub(super) async fn run(boot: Boot<Files>, lie: Lie, bug: Option<Bug>) -> Ended {
    boot.scene.clients.lies(boot.host);
    if lie == Lie::Twin {
        return twin::run(boot).await;
    }
    let Boot { host, options, seed, listen, dials, hosts, transport, disk, scene, events, .. } = boot;
    let (keys, replicas, news) = match load(disk, layout(&options), &mut seed.rng(Lane::Identity)) {
        Ok(loaded) => loaded,
        Err(error) => return Ended::Failed(error),
    };
    // The honest node that comes back does not find it again.
    if let Some(news) = news {
        scene.clients.notice(host, &news.into());
    }
    let cluster = match lie {
        Lie::Stranger if bug != Some(Bug::SecretLeaked) => ClusterSecret([1; 32]),
        _ => cluster(),
    };
    let mut listener = match transport.bind(&listen).await {
        Ok((listener, _)) => listener,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    let lane = RefCell::new(seed.rng(Lane::Handshake));
    let port = listen.port();
    let boot = BootId::draw(&mut seed.rng(Lane::Boot));
    let replicas = RefCell::new(replicas);
    let (clients, notes) = (scene.clients, events);
    let others = hosts.clone().into_iter().enumerate().filter(|(other, _)| *other != host).map(|(_, address)| address);
    let (misled, listed) = (Cell::new(0), RefCell::default());
    let liar =
        Liar { lie, bug, port, hosts, misled, boot, keys, cluster, transport, lane, replicas, listed, clients, notes };
    let liar = Rc::new(liar);
    for address in dials {
        tokio::task::spawn_local(liar.clone().keep_connected(address));
    }
    attack::run(&liar, others);
    loop {
        let Ok((stream, _)) = liar.transport.accept(&mut listener).await else { continue };
        let liar = liar.clone();
        tokio::task::spawn_local(async move {
            // The other side may go away at any time.
            drop(liar.serve(stream).await);
        });
    }
}

/// Loads the identity on a disk and the replicas that its node holds, and what there is to tell of the catalog.
fn load(
    disk: SimDisk,
    layout: Option<Layout>,
    unused: &mut SeedRng,
) -> Result<(Keys, Vec<Replica>, Option<News>), String> {
    let identity = Identity::load_or_create(&disk, unused).map_err(|error| error.to_string())?;
    Layout::choose(&disk, layout).map_err(|error| error.to_string())?;
    let keys = Keys::derive(&identity.master);
    let (store, recovered) = Store::open(disk, &keys).map_err(|error| error.to_string())?;
    let held = store.list_held(None, LIST_PAGE_MAX).map_err(|error| error.to_string())?;
    let mut replicas = Vec::new();
    for (owner, replica_name, known) in held {
        let Some(record) = known.file() else { continue };
        // A replica that was damaged at rest is not one to lie about.
        let Ok(Some(mut reader)) = store.read_blob(&BlobId::Held(owner, replica_name)) else { continue };
        let mut bytes = vec![0; usize::try_from(reader.len()).unwrap_or(0)];
        if reader.read(&mut bytes).is_ok() && bytes.len() as u64 == record.seal.sealed_bytes() {
            replicas.push(Replica { owner, replica_name, seal: record.seal, bytes });
        }
    }
    Ok((keys, replicas, recovered.catalog.news()))
}

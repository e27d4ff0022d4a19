//! Makes data directories members of a cluster, and runs nodes of this process on them.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use dacapo::crypto::{Keys, NodeId};
use dacapo::disk::dir::{DirDisk, LOCK_NAME};
use dacapo::membership::Cluster;
use dacapo::node::{Config, Lane, Node, StartError};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo::store::{Identity, Store};
use dacapo::transport::Address;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::arguments::Reach;
use super::error::CliError;
use super::limits::DESCRIPTORS_WANTED;
use super::logging;

/// Opens a data directory and makes something of it. If that fails, such as on a full disk, a directory that was empty
/// or not there is as it was.
pub(crate) fn make<T>(data: &Path, work: impl FnOnce(&DirDisk) -> Result<T, CliError>) -> Result<T, CliError> {
    let was_there = data.exists();
    let opened = DirDisk::open(data);
    if opened.is_err() && !was_there {
        // What is not empty is not removed: somebody else may have it.
        drop(fs::remove_dir(data));
    }
    let disk = opened?;
    // From here on nobody else writes to it: what another process has made is there by now.
    let was_empty = entries(data).is_ok_and(|entries| entries.is_empty());
    let made = work(&disk);
    if made.is_err() && was_empty {
        // What cannot be removed stays.
        drop(clear(data, was_there));
    }
    made
}

/// Returns what a data directory has beside its lock.
fn entries(data: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(data)?.collect::<io::Result<Vec<_>>>()?;
    entries.retain(|entry| entry.file_name() != LOCK_NAME);
    Ok(entries)
}

/// Removes what a data directory has. The lock goes last, because it keeps everybody else out.
fn clear(data: &Path, is_kept: bool) -> io::Result<()> {
    for entry in entries(data)? {
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    fs::remove_file(data.join(LOCK_NAME))?;
    if is_kept { Ok(()) } else { fs::remove_dir(data) }
}

/// Puts a data directory into a cluster, with an identity that is made if it has none. Returns the id of its node.
pub(crate) fn enter_cluster(
    disk: &DirDisk,
    seed: &Seed,
    cluster: &Cluster,
    layout: Option<Layout>,
) -> Result<NodeId, CliError> {
    let identity = Identity::load_or_create(disk, &mut seed.rng(Lane::Identity))?;
    let keys = Keys::derive(&identity.master);
    Layout::choose(disk, layout)?;
    if identity.is_new {
        // The catalog says that there was nothing before: an identity without one may have been restored.
        Store::open(disk.clone(), &keys).map_err(StartError::from)?;
    }
    cluster.enter(disk)?;
    Ok(keys.node())
}

/// Returns the address of a free port of the loopback, which no other machine reaches.
pub(crate) fn loopback() -> Address {
    ":0".parse().expect("an address without a host is this machine")
}

/// Returns the configuration of a node that shows its events on standard error, with defaults for the rest.
pub(crate) fn config(reach: &Reach, cluster: &Cluster, seed: Seed) -> Config {
    Config {
        peers: reach.peers.clone(),
        events: logging::sink(String::new()),
        ..Config::new(reach.listen.clone(), cluster.secret(), seed)
    }
}

/// Starts a node on a data directory. Needs a `LocalSet`.
pub(crate) async fn start(disk: DirDisk, config: Config) -> Result<Node, CliError> {
    raise_descriptors();
    Ok(Node::start(Machine::new(disk), config).await?)
}

/// Raises the soft limit of descriptors, which many systems set to 256 or 1,024, towards the hard limit: a node with
/// many peers and callers has more of them open. If that is refused, the node makes do with what there is.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS_WANTED);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
        if let Err(error) = raised {
            tracing::debug!("the limit of descriptors stays: {error}");
        }
    }
}

/// Starts a node whose keys and IVs all come from its seed. Needs a `LocalSet`.
pub(crate) async fn start_repeatable(disk: DirDisk, config: Config) -> Result<Node, CliError> {
    Ok(Node::start(Machine::repeatable(disk), config).await?)
}

/// Stops a node, and returns when its data directory is closed.
pub(crate) async fn stop(node: Node) -> Result<(), CliError> {
    node.handle().stop().await;
    Ok(node.stopped().await?)
}

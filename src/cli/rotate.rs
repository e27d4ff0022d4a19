//! `dacapo identity rotate`: gives all files of a node to a new identity, whose keys nobody else can know.
//!
//! All keys of a node come from one secret, and so they are changed together: a second node with a new secret takes file
//! after file, and what peers hold under the old keys is deleted everywhere. What is interrupted goes on with the next
//! call: files that were moved are gone from the old node.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use dacapo::crypto::{Key, NodeId};
use dacapo::disk::dir::DirDisk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::membership::Cluster;
use dacapo::node::{Config, Content, Fetched, Handle, Node};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::transport::Address;
use tokio::io::{AsyncRead, AsyncWriteExt, duplex};

use super::arguments::{RotateArguments, Verbosity};
use super::control::Failure;
use super::error::CliError;
use super::progress::Progress;
use super::recover::{connected, current, each_page, name, remember, show_failures};
use super::{cluster, logging, output, secret, show};

/// The file of the new directory that names the old node.
const MARK: &str = "rotation";

/// What was moved, and what was not.
#[derive(Default)]
struct Moved {
    files: u64,
    bytes: u64,
    failed: BTreeMap<Key, String>,
}

pub(crate) async fn run(
    arguments: &RotateArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let data = &arguments.data.dir;
    let old_id = secret::node_of(data)?.ok_or_else(|| CliError::Unused { data: data.clone() })?;
    let cluster = match secret::named(None, arguments.reach.open_cluster)? {
        Some(named) => named,
        None => secret::cluster_of(data)?.ok_or_else(|| CliError::NoCluster { data: data.clone() })?,
    };
    logging::start_quietly(verbosity, arguments.events);
    let progress = Progress::new(verbosity, "looking for peers", None);
    let seed = || draw_seed().map_err(CliError::Process);
    let old =
        start(DirDisk::open(data)?, &arguments.reach.listen, arguments.reach.peers.clone(), &cluster, seed()?).await?;
    let peers = connected(&old.handle(), arguments.wait_for).await?;
    progress.say("comparing with the peers");
    all_current(&old.handle(), |peers| CliError::NotCompared { peers }).await?;
    let disk = DirDisk::open(&arguments.to)?;
    mark(&arguments.to, old_id)?;
    cluster::settle(&disk, &seed()?, &cluster, None)?;
    remember(&disk, &peers)?;
    let anywhere = ":0".parse().expect("an address without a host is this machine");
    let new = start(disk, &anywhere, Vec::new(), &cluster, seed()?).await?;
    connected(&new.handle(), None).await?;
    progress.say("moving");
    let moved = move_all(&old.handle(), &new.handle(), arguments.min_replicas, &progress).await?;
    progress.say("waiting for the peers to delete the old copies");
    let deleted = all_current(&old.handle(), |peers| CliError::OldCopiesLeft { peers }).await;
    drop(progress);
    let node = new.handle().node();
    for node in [old, new] {
        node.handle().stop().await;
        node.stopped().await?;
    }
    tell(&moved, node, deleted)
}

fn tell(moved: &Moved, node: NodeId, deleted: Result<(), CliError>) -> Result<(), CliError> {
    let Moved { files, bytes, failed } = moved;
    show_failures(failed);
    output::line(&format!("moved {}, {}, to {node}", show::count(*files, "file"), show::bytes(*bytes)))?;
    match failed.len() {
        0 => deleted,
        count => Err(CliError::NotMoved { count: count as u64 }),
    }
}

/// Every peer holds what the node knows, and has deleted what it has deleted.
async fn all_current(handle: &Handle, otherwise: impl FnOnce(String) -> CliError) -> Result<(), CliError> {
    let left = current(handle).await;
    let names: Vec<_> = left.iter().map(name).collect();
    if names.is_empty() { Ok(()) } else { Err(otherwise(names.join(", "))) }
}

/// Says in the new directory from whom it takes files, so that it is nobody else's.
fn mark(data: &Path, old: NodeId) -> Result<(), CliError> {
    let path = data.join(MARK);
    let failed = |source| CliError::Output { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) if text.trim_end() == old.to_string() => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && secret::node_of(data)?.is_none() => {}
        Ok(_) | Err(_) => return Err(CliError::NotANewDirectory { data: data.to_owned() }),
    }
    // Its name becomes durable with that of the identity, which follows.
    let mut file = File::create(&path).map_err(failed)?;
    writeln!(file, "{old}").and_then(|()| file.sync_all()).map_err(failed)
}

async fn start(
    disk: DirDisk,
    listen: &Address,
    peers: Vec<Address>,
    cluster: &Cluster,
    seed: Seed,
) -> Result<Node, CliError> {
    let config =
        Config { peers, events: logging::sink(String::new()), ..Config::new(listen.clone(), cluster.secret(), seed) };
    Ok(Node::start(Machine::new(disk), config).await?)
}

async fn move_all(old: &Handle, new: &Handle, replicas_min: u32, progress: &Progress) -> Result<Moved, CliError> {
    let mut files = Vec::new();
    each_page(old, |page| files.extend(page.into_iter().map(|info| (info.key, info.size)))).await?;
    progress.set_size(files.iter().map(|(_, size)| size).sum(), 0);
    let mut moved = Moved::default();
    for (key, size) in files {
        match move_one(old, new, &key, replicas_min).await {
            Ok(()) => {
                moved.files += 1;
                moved.bytes += size;
            }
            Err(failure) => {
                moved.failed.insert(key, failure.message);
            }
        }
        progress.add(usize::try_from(size).unwrap_or(usize::MAX));
    }
    Ok(moved)
}

/// Until enough peers have it from the new node, the old one keeps it.
async fn move_one(old: &Handle, new: &Handle, key: &Key, replicas_min: u32) -> Result<(), Failure> {
    let fetched = old.get(key).await?;
    let (size, version) = (fetched.size, fetched.version);
    let stored = new.store(key, Content::reader(reader(fetched), Some(size))).await?;
    stored.at_least(usize::try_from(replicas_min).unwrap_or(usize::MAX))?;
    // What was stored meanwhile is not what was moved. Peers that are away hear of the deletion when they are back.
    old.delete_version_everywhere(key, version).await?;
    Ok(())
}

/// A file of one node as content for another. Where it breaks off, the store that reads it fails.
fn reader(mut fetched: Fetched) -> impl AsyncRead + Send + Unpin + 'static {
    let (mut sink, reader) = duplex(CHUNK_BYTES);
    tokio::task::spawn_local(async move {
        while let Ok(Some(chunk)) = fetched.chunk().await {
            if sink.write_all(&chunk).await.is_err() {
                return;
            }
        }
    });
    reader
}

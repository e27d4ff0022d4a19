//! `dacapo identity rotate`: gives all files of a node to a new identity, whose keys nobody else can know.
//!
//! All keys of a node come from one secret, and so they are changed together: a second node with a new secret takes
//! file after file, and what peers hold under the old keys is deleted everywhere. An interrupted rotation goes on with
//! the next call: the files that were moved are gone from the old node.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use dacapo::crypto::{Key, NodeId};
use dacapo::disk::dir::DirDisk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::{Config, Content, DeleteError, Fetched, GetError, Handle, StoreError};
use tokio::io::{AsyncRead, AsyncWriteExt, duplex};

use crate::cli::arguments::{RotateArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::connecting::{connected, names, not_current, remember};
use crate::cli::error::CliError;
use crate::cli::own_files::{FailedFiles, each_page};
use crate::cli::progress::Meter;
use crate::cli::{logging, output, secret, show, starting};

/// The file of the new directory that names the old node.
const MARK: &str = "rotation";

/// What was moved, and what was not.
#[derive(Default)]
struct Moved {
    files: u64,
    bytes: u64,
    failed: FailedFiles,
}

/// Why a file was not moved. The old node keeps it.
#[derive(Debug, thiserror::Error)]
enum MoveError {
    #[error(transparent)]
    Get(#[from] GetError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Delete(#[from] DeleteError),
}

pub(super) async fn run(arguments: &RotateArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let (data, reach) = (&arguments.data.dir, &arguments.reach);
    let old_id = secret::node_of(data)?.ok_or_else(|| CliError::NotADataDirectory { data: data.clone() })?;
    let cluster = match secret::named(None, reach.open_cluster)? {
        Some(named) => named,
        None => secret::cluster_of(data)?.ok_or_else(|| CliError::NoCluster { data: data.clone() })?,
    };
    logging::start_quietly(verbosity, arguments.events).map_err(CliError::Process)?;
    let meter = Meter::new(verbosity, "looking for peers", None);
    let old_disk = DirDisk::open(data)?;
    let old = starting::start(old_disk, starting::config(reach, &cluster, chance.seed()?)).await?;
    let peers = connected(&old.handle(), arguments.wait_for).await?;
    meter.say("comparing with the peers");
    all_current(&old.handle(), |peers| CliError::NotCompared { peers }).await?;
    let disk = DirDisk::open(&arguments.to)?;
    mark(&arguments.to, old_id)?;
    starting::enter_cluster(&disk, &chance.seed()?, &cluster, None)?;
    remember(&disk, &peers)?;
    let config = Config {
        events: logging::sink(String::new()),
        ..Config::new(starting::loopback(), cluster.secret(), chance.seed()?)
    };
    let new = starting::start(disk, config).await?;
    connected(&new.handle(), None).await?;
    meter.say("moving");
    let moved = move_all(&old.handle(), &new.handle(), arguments.min_replicas, &meter).await?;
    meter.say("waiting for the peers to delete the old copies");
    let deleted = all_current(&old.handle(), |peers| CliError::OldCopiesLeft { peers }).await;
    drop(meter);
    let node = new.handle().node();
    for node in [old, new] {
        starting::stop(node).await?;
    }
    tell(&moved, node, deleted)
}

fn tell(moved: &Moved, node: NodeId, deleted: Result<(), CliError>) -> Result<(), CliError> {
    let Moved { files, bytes, failed } = moved;
    failed.show();
    let told = output::line(&format!("moved {}, {}, to {node}", show::count(*files, "file"), show::bytes(*bytes)));
    match failed.count() {
        0 => deleted.and(told),
        count => Err(CliError::NotMoved { count }),
    }
}

/// Waits until every peer holds what the node knows, and has deleted what the node has deleted.
async fn all_current(handle: &Handle, otherwise: impl FnOnce(String) -> CliError) -> Result<(), CliError> {
    let left = not_current(handle).await;
    if left.is_empty() { Ok(()) } else { Err(otherwise(names(&left).join(", "))) }
}

/// Marks the new directory with the node whose files it takes, so that no other node's files are mixed in.
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

async fn move_all(old: &Handle, new: &Handle, replicas_min: u32, meter: &Meter) -> Result<Moved, CliError> {
    let mut files = Vec::new();
    each_page(old, |page| files.extend(page.into_iter().map(|info| (info.key, info.size)))).await?;
    meter.set_size(files.iter().map(|(_, size)| size).sum(), 0);
    let mut moved = Moved::default();
    for (key, size) in files {
        match move_one(old, new, &key, replicas_min).await {
            Ok(()) => {
                moved.files += 1;
                moved.bytes += size;
            }
            Err(error) => moved.failed.insert(key, &error),
        }
        meter.add(usize::try_from(size).unwrap_or(usize::MAX));
    }
    Ok(moved)
}

/// Moves a file. The old node keeps it until enough peers have it from the new one.
async fn move_one(old: &Handle, new: &Handle, key: &Key, replicas_min: u32) -> Result<(), MoveError> {
    let fetched = old.get(key).await?;
    let (size, version) = (fetched.size, fetched.version);
    let stored = new.store(key, Content::reader(reader(fetched), Some(size))).await?;
    stored.at_least(usize::try_from(replicas_min).unwrap_or(usize::MAX))?;
    // A version that was stored meanwhile was not moved. Peers that are away hear of the deletion when they are back.
    old.delete_version_everywhere(key, version).await?;
    Ok(())
}

/// Returns a file of one node as content for another. If it breaks off, the store that reads it fails.
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

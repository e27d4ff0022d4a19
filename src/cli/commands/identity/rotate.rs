//! `dacapo identity rotate`: gives all files of a node to a new identity, whose keys nobody else can know.
//!
//! All keys of a node come from one secret, and so they are changed together: a second node with a new secret takes
//! file after file, and what peers hold under the old keys is deleted everywhere. An interrupted rotation goes on with
//! the next call: the files that were moved are gone from the old node. Somebody may have used either node in between:
//! a name for which the two have different contents is left alone in both, and told. Nothing is moved unless every
//! connected peer is connected with the new node too: a peer that keeps the new node out would only lose copies.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use dacapo::crypto::{Key, NodeId, Version};
use dacapo::disk::dir::DirDisk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::membership::Members;
use dacapo::node::{
    Config, Content, DeleteError, Fetched, FileInfo, GetError, Handle, Holder, Holding, PeerInfo, ReadError, StatError,
    StoreError,
};
use dacapo::time::UnixMillis;
use dacapo::view::show;
use tokio::io::{AsyncRead, AsyncWriteExt, duplex};

use crate::cli::arguments::{RotateArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::connecting::{connected, names, not_compared, not_current, not_followed, remember};
use crate::cli::error::CliError;
use crate::cli::own_files::{FailedFiles, each_page};
use crate::cli::progress::Meter;
use crate::cli::{logging, output, secret, starting};

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
    #[error(
        "not moved, because the new identity has another file under this name: the old one was stored {}, the new one \
         {}",
        show::time(*old),
        show::time(*new)
    )]
    Differ { old: UnixMillis, new: UnixMillis },
    #[error("not moved, because it was deleted under the new identity, and the old one still has it")]
    DeletedThere,
    #[error("verified copies of the new one at the peers: {found}, wanted: {wanted}")]
    TooFewReplicas { found: usize, wanted: usize },
    #[error(transparent)]
    Get(#[from] GetError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Stat(#[from] StatError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Delete(#[from] DeleteError),
}

pub(super) async fn run(arguments: &RotateArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let (data, reach) = (&arguments.data.dir, &arguments.reach);
    let old_id = secret::node_of(data)?.ok_or_else(|| CliError::NotADataDirectory { data: data.clone() })?;
    if matches!((data.canonicalize(), arguments.to.canonicalize()), (Ok(old), Ok(new)) if old == new) {
        return Err(CliError::NotAnother { data: data.clone() });
    }
    let cluster = match secret::named(None, reach.open_cluster)? {
        Some(named) => named,
        None => secret::cluster_of(data)?.ok_or_else(|| CliError::NoCluster { data: data.clone() })?,
    };
    logging::start_quietly(verbosity, arguments.events).map_err(CliError::Process)?;
    let meter = Meter::new(verbosity, "looking for peers", None);
    let old_disk = DirDisk::open(data)?;
    let members = Members::load(&old_disk)?;
    let replicas = arguments.replicas;
    let config = Config { replicas, ..starting::config(reach, &cluster, chance.seed()?) };
    let old = starting::start(old_disk, config).await?;
    let peers = connected(&old.handle(), arguments.wait_for).await?;
    meter.say("comparing with the peers");
    all_compared(&old.handle()).await?;
    let disk = DirDisk::open(&arguments.to)?;
    let is_resumed = mark(&arguments.to, old_id)?;
    starting::enter_cluster(&disk, &chance.seed()?, &cluster, None)?;
    remember(&disk, &members, &peers)?;
    let config = Config {
        replicas,
        events: logging::sink(String::new()),
        ..Config::new(starting::loopback(), cluster.secret(), chance.seed()?)
    };
    let new = starting::start(disk, config).await?;
    all_followed(&old.handle(), &new.handle()).await?;
    if is_resumed {
        // What the new node has stored since is compared with the old files.
        all_compared(&new.handle()).await?;
    }
    meter.say("moving");
    let replicas_min = usize::try_from(arguments.min_replicas).unwrap_or(usize::MAX);
    let moving = Moving { old: old.handle(), new: new.handle(), replicas_min, is_resumed };
    let moved = moving.all(&meter).await?;
    meter.say("waiting for the peers to delete the old copies");
    let left = not_current(&old.handle()).await?;
    meter.say("waiting for the peers to have the new copies");
    // A peer that came while the files moved may have deleted old copies, and be unknown to the new node.
    let mut lacking = not_followed(&old.handle(), &new.handle()).await;
    let behind = not_current(&new.handle()).await?;
    lacking.retain(|peer| behind.iter().all(|other| other.peer != peer.peer));
    lacking.extend(behind);
    drop(meter);
    let node = new.handle().node();
    for node in [old, new] {
        starting::stop(node).await?;
    }
    tell(&moved, node, &left, &lacking)
}

/// Tells what was moved, and everything that is left to do.
fn tell(moved: &Moved, node: NodeId, left: &[PeerInfo], lacking: &[PeerInfo]) -> Result<(), CliError> {
    let Moved { files, bytes, failed } = moved;
    failed.show();
    let told = output::line(&format!("moved {}, {}, to {node}", show::count(*files, "file"), show::bytes(*bytes)));
    let is_any = |peers: &[PeerInfo]| !peers.is_empty();
    let lacking = is_any(lacking).then(|| CliError::NewCopiesLacking { peers: names(lacking).join(", "), node });
    let left = is_any(left).then(|| CliError::OldCopiesLeft { peers: names(left).join(", ") });
    let unmoved = (failed.count() > 0).then(|| CliError::NotMoved { count: failed.count() });
    let mut errors = [lacking, left, unmoved].into_iter().flatten();
    let Some(mut last) = errors.next() else { return told };
    for error in errors {
        logging::note(last);
        last = error;
    }
    Err(last)
}

/// Fails unless every peer of the old node is connected with the new one too, within a while: the old copies of a peer
/// that is not would be deleted, and no new ones sent to it.
async fn all_followed(old: &Handle, new: &Handle) -> Result<(), CliError> {
    let left = not_followed(old, new).await;
    if !left.is_empty() {
        return Err(CliError::NotFollowed { peers: names(&left).join(", "), node: new.node() });
    }
    connected(new, Some(1)).await.map(drop)
}

/// Waits until the node knows all that the connected peers hold for it. What a peer that is away may hold is moved when
/// the command goes on: the end names such a peer.
async fn all_compared(handle: &Handle) -> Result<(), CliError> {
    let left = not_compared(handle).await?;
    if left.is_empty() { Ok(()) } else { Err(CliError::NotCompared { peers: names(&left).join(", ") }) }
}

/// Marks the new directory with the node whose files it takes, so that no other node's files are mixed in. Returns
/// whether an earlier call has done so.
fn mark(data: &Path, old: NodeId) -> Result<bool, CliError> {
    let path = data.join(MARK);
    let failed = |source| CliError::Output { path: path.clone(), source };
    if secret::node_of(data)?.is_some() {
        return match fs::read_to_string(&path) {
            Ok(text) if text.trim_end() == old.to_string() => Ok(true),
            Ok(_) | Err(_) => Err(CliError::NotANewDirectory { data: data.to_owned() }),
        };
    }
    // A mark without an identity is of a call that has moved nothing, and may be torn. The name of the file becomes
    // durable with that of the identity, which follows.
    let mut file = File::create(&path).map_err(failed)?;
    writeln!(file, "{old}").and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(false)
}

/// A rotation between two running nodes.
struct Moving {
    old: Handle,
    new: Handle,
    replicas_min: usize,
    /// Whether the new node may have files already, from an earlier call or of its user.
    is_resumed: bool,
}

impl Moving {
    async fn all(&self, meter: &Meter) -> Result<Moved, CliError> {
        let mut files = Vec::new();
        each_page(&self.old, |page| files.extend(page)).await?;
        meter.set_size(files.iter().map(|info| info.size).sum(), 0);
        let mut moved = Moved::default();
        for info in files {
            match self.one(&info).await {
                Ok(()) => {
                    moved.files += 1;
                    moved.bytes += info.size;
                }
                Err(error) => moved.failed.insert(info.key, &error),
            }
            meter.add(usize::try_from(info.size).unwrap_or(usize::MAX));
        }
        Ok(moved)
    }

    /// Moves a file. The old node keeps it until enough peers have it from the new one, and nothing that the new node
    /// has is replaced or deleted.
    async fn one(&self, old: &FileInfo) -> Result<(), MoveError> {
        let there = match self.new.stat(&old.key).await {
            Err(StatError::NotFound | StatError::Deleted) => None,
            found => Some(found?),
        };
        let version = match there {
            Some(new) => self.compare(old, &new).await?,
            None if self.is_resumed && self.is_deleted_there(&old.key).await => return Err(MoveError::DeletedThere),
            None => self.copy(&old.key).await?,
        };
        // A version that was stored meanwhile was not moved. Peers that are away hear of the deletion when they are
        // back.
        self.old.delete_version_everywhere(&old.key, version).await?;
        Ok(())
    }

    /// Stores a file of the old node on the new one. Returns the version that was stored.
    async fn copy(&self, key: &Key) -> Result<Version, MoveError> {
        let fetched = self.old.get(key).await?;
        let (size, version, attributes) = (fetched.size, fetched.version, fetched.attributes);
        let content = Content::reader(reader(fetched), Some(size)).with_attributes(attributes);
        let stored = self.new.store(key, content).await?;
        stored.at_least(self.replicas_min)?;
        Ok(version)
    }

    /// Returns the version of the old node's file if the new node has the same content, at enough peers too.
    async fn compare(&self, old: &FileInfo, new: &FileInfo) -> Result<Version, MoveError> {
        let differ = || MoveError::Differ { old: old.modified, new: new.modified };
        if old.size != new.size {
            return Err(differ());
        }
        let (ours, theirs) = (self.old.get(&old.key).await?, self.new.get(&new.key).await?);
        let version = ours.version;
        if digest(ours).await? != digest(theirs).await? {
            return Err(differ());
        }
        let holders = self.new.verified_holders(&new.key).await?;
        let is_current = |holder: &&Holder| matches!(holder.holding, Holding::Current { .. });
        match holders.iter().filter(is_current).count() {
            found if found < self.replicas_min => Err(MoveError::TooFewReplicas { found, wanted: self.replicas_min }),
            _ => Ok(version),
        }
    }

    /// Tells whether somebody has deleted a file under the new identity.
    async fn is_deleted_there(&self, key: &Key) -> bool {
        matches!(self.new.get(key).await, Err(GetError::Deleted))
    }
}

/// Returns the digest of a content.
async fn digest(mut fetched: Fetched) -> Result<blake3::Hash, ReadError> {
    let mut hasher = blake3::Hasher::new();
    while let Some(chunk) = fetched.chunk().await? {
        hasher.update(&chunk);
    }
    Ok(hasher.finalize())
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

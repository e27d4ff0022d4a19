//! `dacapo identity rotate`: gives all files of a node to a new identity, whose keys nobody else can know.
//!
//! All keys of a node come from one secret, and so they are changed together: a second node with a new secret takes file
//! after file, and what peers hold under the old keys is deleted everywhere. What is interrupted goes on with the next
//! call: files that were moved are gone from the old node.

use std::io;

use dacapo::crypto::Key;
use dacapo::disk::dir::DirDisk;
use dacapo::limits::CHUNK_BYTES;
use dacapo::membership::{Cluster, Dial, Members};
use dacapo::node::{Config, Content, Fetched, Handle, Node, PeerInfo, Quota, Replicas};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::transport::Address;
use tokio::io::{AsyncRead, AsyncWriteExt, duplex};

use super::arguments::{RotateArguments, Verbosity};
use super::control::Failure;
use super::error::CliError;
use super::progress::Progress;
use super::recover::{FAILURES_SHOWN_MAX, connected, each_page};
use super::{cluster, logging, output, secret, show};

/// What was moved, and what was not.
#[derive(Default)]
struct Moved {
    files: u64,
    bytes: u64,
    failed: Vec<(Key, String)>,
}

pub(crate) async fn run(
    arguments: &RotateArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let data = &arguments.data.dir;
    secret::node_of(data)?.ok_or_else(|| CliError::Unused { data: data.clone() })?;
    let cluster = match arguments.open_cluster {
        true => Some(Cluster::Open),
        false => secret::cluster_of(data)?,
    };
    let cluster = cluster.ok_or_else(|| CliError::NoCluster { data: data.clone() })?;
    logging::start(Verbosity { quiet: !arguments.events.verbose || verbosity.quiet }, arguments.events);
    let progress = Progress::new(verbosity, "looking for peers", None);
    let seed = || draw_seed().map_err(CliError::Process);
    let old = start(DirDisk::open(data)?, &arguments.listen, arguments.peers.clone(), &cluster, seed()?).await?;
    let peers = connected(&old.handle()).await?;
    let disk = DirDisk::open(&arguments.to)?;
    cluster::settle(&disk, &seed()?, &cluster, None)?;
    dial(&disk, &peers)?;
    let anywhere = ":0".parse().expect("an address without a host is this machine");
    let new = start(disk, &anywhere, Vec::new(), &cluster, seed()?).await?;
    connected(&new.handle()).await?;
    progress.say("moving");
    let moved = move_all(&old.handle(), &new.handle(), arguments.min_replicas, &progress).await?;
    drop(progress);
    let node = new.handle().node();
    for node in [old, new] {
        node.handle().stop().await;
        node.stopped().await?;
    }
    let Moved { files, bytes, failed } = moved;
    for (key, reason) in failed.iter().take(FAILURES_SHOWN_MAX) {
        eprintln!("{key}: {reason}");
    }
    output::line(&format!("moved {}, {}, to {node}", show::count(files, "file"), show::bytes(bytes)))?;
    match failed.len() {
        0 => Ok(()),
        count => Err(CliError::NotMoved { count: count as u64 }),
    }
}

async fn start(
    disk: DirDisk,
    listen: &Address,
    peers: Vec<Address>,
    cluster: &Cluster,
    seed: Seed,
) -> Result<Node, CliError> {
    let config = Config {
        listen: listen.clone(),
        peers,
        cluster: cluster.secret(),
        layout: None,
        replicas: Replicas::All,
        quota: Quota::default(),
        seed,
        events: logging::sink(String::new()),
    };
    Ok(Node::start(Machine::new(disk), config).await?)
}

/// The new node dials those whom the old one was connected with.
fn dial(disk: &DirDisk, peers: &[PeerInfo]) -> Result<(), CliError> {
    let mut members = Members::load(disk)?;
    for PeerInfo { peer, address, .. } in peers {
        if let Some(address) = address.clone() {
            members.dial(Dial { address, node: *peer })?;
        }
    }
    Ok(members.save(disk)?)
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
            Err(failure) => moved.failed.push((key, failure.message)),
        }
        progress.add(usize::try_from(size).unwrap_or(usize::MAX));
    }
    Ok(moved)
}

/// Until enough peers have it from the new node, the old one keeps it.
async fn move_one(old: &Handle, new: &Handle, key: &Key, replicas_min: u32) -> Result<(), Failure> {
    let fetched = old.get(key).await?;
    let size = fetched.size;
    let stored = new.store(key, Content::reader(reader(fetched), Some(size))).await?;
    stored.at_least(usize::try_from(replicas_min).unwrap_or(usize::MAX))?;
    old.delete_everywhere(key).await?;
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

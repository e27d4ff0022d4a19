//! `dacapo recover`: brings every file of a lost machine back, from its identity and any peer that holds replicas.
//!
//! The data directory becomes that of a node with this identity, which learns from the peers what it had stored, and
//! fetches each file. What is interrupted goes on with the next call: what is here is not fetched again.

mod fetch;
mod peers;

use std::io::{self, Read};
use std::path::Path;
use std::str;

use dacapo::crypto::{Backup, BackupContent};
use dacapo::disk::dir::DirDisk;
use dacapo::membership::{Cluster, Dial, Members};
use dacapo::node::{Config, Handle, Mode, Node, PeerInfo};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::store::Identity;
use dacapo::store::layout::Layout;
use zeroize::Zeroizing;

use super::arguments::{RecoverArguments, Verbosity};
use super::error::CliError;
use super::limits::BACKUP_FILE_BYTES_MAX;
use super::progress::Progress;
use super::{logging, output, passphrase, secret, show};

pub(super) use fetch::{each_page, show_failures};
pub(super) use peers::{connected, current, name};

pub(crate) async fn run(
    arguments: &RecoverArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let (content, cluster) = read(arguments)?;
    logging::start_quietly(verbosity, arguments.events);
    let disk = DirDisk::open(&arguments.data.dir)?;
    Identity::restore(&disk, &content.master)?;
    Layout::choose(&disk, arguments.layout)?;
    let config = Config {
        peers: arguments.reach.peers.clone(),
        layout: arguments.layout,
        // Peers are sent nothing: what they lack is for the node that runs afterwards.
        mode: Mode::Learning,
        events: logging::sink(String::new()),
        ..Config::new(arguments.reach.listen.clone(), cluster.secret(), draw_seed().map_err(CliError::Process)?)
    };
    let node = Node::start(Machine::new(disk.clone()), config).await?;
    let recovered = all(&node.handle(), &disk, &cluster, verbosity).await;
    node.handle().stop().await;
    node.stopped().await?;
    let fetch::Recovered { files, bytes, failed, unasked } = recovered?;
    show_failures(&failed);
    output::line(&format!("recovered {}, {}", show::count(files, "file"), show::bytes(bytes)))?;
    if !unasked.is_empty() {
        return Err(CliError::Unasked { peers: unasked.join(", ") });
    }
    match failed.len() {
        0 => Ok(()),
        count => Err(CliError::NotRecovered { count: count as u64 }),
    }
}

async fn all(
    handle: &Handle,
    disk: &DirDisk,
    cluster: &Cluster,
    verbosity: Verbosity,
) -> Result<fetch::Recovered, CliError> {
    let progress = Progress::new(verbosity, "looking for peers", None);
    let peers = connected(handle, None).await?;
    // What was mistyped has led to nobody: only what is right is kept.
    cluster.enter(disk)?;
    remember(disk, &peers)?;
    fetch::all(handle, &progress).await
}

/// The node that runs afterwards dials these peers.
pub(super) fn remember(disk: &DirDisk, peers: &[PeerInfo]) -> Result<(), CliError> {
    let mut members = Members::load(disk)?;
    for PeerInfo { peer, address, .. } in peers {
        if let Some(address) = address.clone() {
            members.dial(Dial { address, node: *peer })?;
        }
    }
    Ok(members.save(disk)?)
}

/// Whose files, and in which cluster their peers are.
fn read(arguments: &RecoverArguments) -> Result<(BackupContent, Cluster), CliError> {
    let content = read_identity(&arguments.identity, arguments.passphrase_file.as_deref())?;
    let named = secret::named(arguments.cluster_secret_file.as_deref(), arguments.reach.open_cluster)?;
    let cluster = named.or_else(|| content.cluster.clone()).ok_or(CliError::ClusterUnknown)?;
    Ok((content, cluster))
}

/// A backup, or the file `identity` of a data directory as it is.
fn read_identity(path: &Path, passphrase_file: Option<&Path>) -> Result<BackupContent, CliError> {
    let failed = |source| CliError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * BACKUP_FILE_BYTES_MAX));
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(BACKUP_FILE_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
    if let Ok(master) = Identity::parse(&bytes) {
        return Ok(BackupContent { master, cluster: None });
    }
    let text = str::from_utf8(&bytes).unwrap_or_default();
    let backup: Backup = text.parse().map_err(|source| CliError::NotABackup { path: path.to_owned(), source })?;
    Ok(backup.open(&passphrase::ask(passphrase_file, "passphrase of the backup: ")?)?)
}

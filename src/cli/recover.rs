//! `dacapo recover`: brings every file of a lost machine back, from its identity and any peer that holds replicas.
//!
//! The data directory becomes that of a node with this identity, which learns from the peers what it had stored, and
//! fetches each file. What is interrupted goes on with the next call: what is here is not fetched again.

mod fetch;
mod peers;

use std::io::{self, Read};
use std::path::Path;
use std::str;

use dacapo::crypto::{Backup, BackupCluster, BackupContent};
use dacapo::disk::dir::DirDisk;
use dacapo::membership::{Cluster, Dial, Members};
use dacapo::node::{Config, Node, Quota, Replicas, StartError};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo::store::{Identity, StoreError};
use zeroize::Zeroizing;

use super::arguments::{RecoverArguments, Verbosity};
use super::error::CliError;
use super::limits::BACKUP_FILE_BYTES_MAX;
use super::{logging, output, passphrase, secret, show};

pub(super) use fetch::{FAILURES_SHOWN_MAX, each_page};
pub(super) use peers::connected;

pub(crate) async fn run(
    arguments: &RecoverArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let (content, cluster) = read(arguments)?;
    logging::start(Verbosity { quiet: !arguments.events.verbose || verbosity.quiet }, arguments.events);
    let disk = DirDisk::open(&arguments.data.dir)?;
    settle(&disk, arguments, &content, &cluster)?;
    let config = Config {
        listen: arguments.listen.clone(),
        peers: Vec::new(),
        cluster: cluster.secret(),
        layout: arguments.layout,
        replicas: Replicas::All,
        quota: Quota::default(),
        seed: draw_seed().map_err(CliError::Process)?,
        events: logging::sink(String::new()),
    };
    let node = Node::start(Machine::new(disk), config).await?;
    let recovered = fetch::all(&node.handle(), verbosity).await;
    node.handle().stop().await;
    node.stopped().await?;
    let fetch::Recovered { files, bytes, failed } = recovered?;
    for (key, reason) in failed.iter().take(FAILURES_SHOWN_MAX) {
        eprintln!("{key}: {reason}");
    }
    output::line(&format!("recovered {}, {}", show::count(files, "file"), show::bytes(bytes)))?;
    match failed.len() {
        0 => Ok(()),
        count => Err(CliError::NotRecovered { count: count as u64 }),
    }
}

/// Whose files, and in which cluster their peers are.
fn read(arguments: &RecoverArguments) -> Result<(BackupContent, Cluster), CliError> {
    let content = read_identity(&arguments.identity, arguments.passphrase_file.as_deref())?;
    let named = match (&arguments.cluster_secret_file, arguments.open_cluster) {
        (Some(path), _) => Some(Cluster::Closed(secret::read(path)?)),
        (None, true) => Some(Cluster::Open),
        (None, false) => None,
    };
    let in_backup = match &content.cluster {
        BackupCluster::Unknown => None,
        BackupCluster::Open => Some(Cluster::Open),
        BackupCluster::Closed(secret) => Some(Cluster::Closed(secret.clone())),
    };
    let cluster = named.or(in_backup).ok_or(CliError::ClusterUnknown)?;
    Ok((content, cluster))
}

/// A backup, or the file `identity` of a data directory as it is.
fn read_identity(path: &Path, passphrase_file: Option<&Path>) -> Result<BackupContent, CliError> {
    let failed = |source| CliError::Input { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(BACKUP_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    if let Ok(master) = Identity::parse(&bytes) {
        return Ok(BackupContent { master, cluster: BackupCluster::Unknown });
    }
    let text = str::from_utf8(&bytes).unwrap_or_default();
    let backup: Backup = text.parse().map_err(|source| CliError::NotABackup { path: path.to_owned(), source })?;
    Ok(backup.open(&passphrase::ask(passphrase_file, "passphrase of the backup: ")?)?)
}

/// Makes the data directory that of the lost node, or finds that an earlier call has.
fn settle(
    disk: &DirDisk,
    arguments: &RecoverArguments,
    content: &BackupContent,
    cluster: &Cluster,
) -> Result<(), CliError> {
    Identity::restore(disk, &content.master)?;
    Layout::choose(disk, arguments.layout).map_err(|error| StartError::from(StoreError::from(error)))?;
    cluster.enter(disk)?;
    let mut members = Members::load(disk)?;
    for address in &arguments.peers {
        if members.dials().iter().all(|dial| dial.address != *address) {
            members.dial(Dial { address: address.clone(), node: None })?;
        }
    }
    Ok(members.save(disk)?)
}

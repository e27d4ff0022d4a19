//! `dacapo recover`: brings every file of a lost machine back, from its identity and any peer that holds replicas.
//!
//! The data directory becomes that of a node with this identity, which learns from the peers what it had stored, and
//! fetches each file. An interrupted recovery goes on with the next call: files that are here are not fetched again.

mod fetch;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;
use std::str;

use dacapo::disk::dir::DirDisk;
use dacapo::event::Event;
use dacapo::membership::{Backup, BackupContent, Cluster, Members};
use dacapo::node::{Config, Handle, Mode};
use dacapo::store::Identity;
use dacapo::store::layout::Layout;
use dacapo::view::show;
use zeroize::Zeroizing;

use crate::cli::arguments::{RecoverArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::connecting::{connected, remember};
use crate::cli::error::{CliError, Missing};
use crate::cli::limits::BACKUP_FILE_BYTES_MAX;
use crate::cli::progress::Meter;
use crate::cli::{logging, output, passphrase, secret, starting};

pub(crate) async fn run(arguments: &RecoverArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let (content, cluster, is_backup) = read(arguments)?;
    logging::start_quietly(verbosity, arguments.events).map_err(CliError::Process)?;
    let disk = DirDisk::open(&arguments.data.dir)?;
    Identity::restore(&disk, &content.master)?;
    Layout::choose(&disk, arguments.layout)?;
    let shown = logging::sink(String::new());
    let config = Config {
        // A recovery is there for a lost catalog.
        events: Rc::new(move |event| match event {
            Event::CatalogLost => {}
            event => shown(event),
        }),
        layout: arguments.layout,
        // Peers are sent nothing: what they lack is for the node that runs afterwards.
        mode: Mode::Learning,
        ..starting::config(&arguments.reach, &cluster, chance.seed()?)
    };
    let node = starting::start(disk.clone(), config).await?;
    let recovered = all(&node.handle(), &disk, &cluster, verbosity).await;
    starting::stop(node).await?;
    let recovered = recovered?;
    if is_backup {
        secret::tell_backup(&arguments.data.dir);
    }
    recovered.show_missing();
    let told = output::line(&in_words(&recovered));
    let missing = Missing {
        unfetched: recovered.failed.count(),
        not_given: recovered.not_given.len() as u64 + recovered.not_noted,
        unlisted: recovered.unlisted,
        unasked: recovered.unasked.join(", "),
        has_stalled: recovered.has_stalled,
    };
    if missing.is_nothing() { told } else { Err(CliError::NotRecovered(missing)) }
}

fn in_words(recovered: &fetch::RecoveredFiles) -> String {
    let (files, bytes) = recovered.here_before;
    let fetched = (recovered.files.saturating_sub(files), recovered.bytes.saturating_sub(bytes));
    let told = format!("recovered {}, {}", show::count(fetched.0, "file"), show::bytes(fetched.1));
    if files == 0 { told } else { format!("{told}; here already: {}", show::count(files, "file")) }
}

/// Fetches all files once peers are connected.
async fn all(
    handle: &Handle,
    disk: &DirDisk,
    cluster: &Cluster,
    verbosity: Verbosity,
) -> Result<fetch::RecoveredFiles, CliError> {
    let meter = Meter::new(verbosity, "looking for peers", None);
    let peers = connected(handle, None).await?;
    // A mistyped secret or address has led to nobody: only right ones are kept.
    cluster.enter(disk)?;
    remember(disk, &Members::default(), &peers)?;
    fetch::all(handle, &meter).await
}

/// Reads whose files come back, in which cluster their peers are, and whether a backup said so.
fn read(arguments: &RecoverArguments) -> Result<(BackupContent, Cluster, bool), CliError> {
    let (content, is_backup) = read_identity(&arguments.identity, arguments.passphrase_file.as_deref())?;
    let named = secret::named(arguments.cluster_secret_file.as_deref(), arguments.reach.open_cluster)?;
    let cluster = named.or_else(|| content.cluster.clone()).ok_or(CliError::ClusterUnknown)?;
    Ok((content, cluster, is_backup))
}

/// Reads a backup, or the file `identity` of a data directory. Returns whether it was a backup.
fn read_identity(path: &Path, passphrase_file: Option<&Path>) -> Result<(BackupContent, bool), CliError> {
    let failed = |source| CliError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * BACKUP_FILE_BYTES_MAX));
    let file = File::open(path).map_err(failed)?;
    file.take(BACKUP_FILE_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
    if let Ok(master) = Identity::parse(&bytes) {
        return Ok((BackupContent { master, cluster: None }, false));
    }
    let text = str::from_utf8(&bytes).unwrap_or_default();
    let backup: Backup = text.parse().map_err(|source| CliError::NotABackup { path: path.to_owned(), source })?;
    Ok((backup.open(&passphrase::ask(passphrase_file, "passphrase of the backup: ")?)?, true))
}

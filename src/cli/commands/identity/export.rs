//! `dacapo identity export`: writes a backup of the identity, by which the node's files come back from any peer.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use dacapo::membership::{Backup, BackupContent};
use dacapo::node::Lane;
use dacapo::seed::Rng;

use crate::cli::arguments::{ExportArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::error::CliError;
use crate::cli::{logging, output, passphrase, secret};

/// Writes the backup. The node may be running.
pub(super) fn run(arguments: &ExportArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let data = &arguments.data.dir;
    let master = secret::master_of(data)?;
    let cluster = secret::cluster_of(data)?;
    let passphrase = passphrase::choose(arguments.passphrase_file.as_deref())?;
    let mut salt = [0; 16];
    chance.seed()?.rng(Lane::Salt).fill_bytes(&mut salt);
    let backup = Backup::seal(&BackupContent { master, cluster }, &passphrase, salt)?;
    if arguments.output == Path::new("-") {
        output::needed_line(backup.to_string().trim_end())?;
        secret::tell_backup(data);
        return Ok(());
    }
    if is_within(&arguments.output, data) {
        return Err(CliError::BackupInData { path: arguments.output.clone() });
    }
    let failed = |source| CliError::Output { path: arguments.output.clone(), source };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arguments.output).map_err(failed)?;
    let written = file.write_all(backup.to_string().as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| output::sync_folder_of(&arguments.output)).map_err(|error| {
        // A part of a backup is none, and would be in the way of the next one. What failed first is told.
        drop(fs::remove_file(&arguments.output));
        failed(error)
    })?;
    secret::tell_backup(data);
    if !verbosity.quiet {
        logging::note(format_args!("wrote {}; it is worth nothing without its passphrase", arguments.output.display()));
    }
    Ok(())
}

/// Whether a file would lie in a directory, or in one below it.
fn is_within(file: &Path, dir: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    matches!((folder.canonicalize(), dir.canonicalize()), (Ok(folder), Ok(dir)) if folder.starts_with(&dir))
}

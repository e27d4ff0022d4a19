//! Secrets in files, which show in no process list: the secret that an argument names, and those of a data directory on
//! which a node may be running.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dacapo::crypto::{ClusterSecret, Keys, MasterSecret, NodeId};
use dacapo::disk::DiskPath;
use dacapo::membership::Cluster;
use dacapo::store::{Identity, layout};
use zeroize::Zeroizing;

use super::error::CliError;
use super::limits::SECRET_FILE_BYTES_MAX;
use super::logging;

/// Returns the cluster that the arguments of a command name, if any.
pub(crate) fn named(secret_file: Option<&Path>, is_open: bool) -> Result<Option<Cluster>, CliError> {
    match secret_file {
        Some(path) => read(path).map(|secret| Some(Cluster::Closed(secret))),
        None => Ok(is_open.then_some(Cluster::Open)),
    }
}

fn read(path: &Path) -> Result<ClusterSecret, CliError> {
    text(path)?.parse().map_err(|source| CliError::Secret { path: path.to_owned(), source })
}

/// Reads the line of a file that holds a secret, and warns if others can read it too.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let failed = |source| CliError::SecretFile { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        logging::warn("", format_args!("others can read {}: chmod 600 makes it yours alone", path.display()));
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * SECRET_FILE_BYTES_MAX));
    file.take(SECRET_FILE_BYTES_MAX as u64).read_to_string(&mut text).map_err(failed)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// Returns the cluster that a data directory is in, if any.
pub(crate) fn cluster_of(data: &Path) -> Result<Option<Cluster>, CliError> {
    Ok(peek(data, &layout::cluster())?.map(|text| Cluster::parse(&text)).transpose()?)
}

/// Returns the id of the node whose data directory it is.
pub(crate) fn node_of(data: &Path) -> Result<Option<NodeId>, CliError> {
    Ok(peek_master(data)?.map(|master| Keys::derive(&master).node()))
}

/// Returns the master secret of a data directory.
pub(crate) fn master_of(data: &Path) -> Result<MasterSecret, CliError> {
    peek_master(data)?.ok_or_else(|| CliError::NotADataDirectory { data: data.to_owned() })
}

fn peek_master(data: &Path) -> Result<Option<MasterSecret>, CliError> {
    Ok(peek(data, &layout::identity())?.map(|text| Identity::parse(&text)).transpose()?)
}

/// Reads a small file of a data directory, without the lock: such files are replaced whole.
fn peek(data: &Path, file: &DiskPath) -> Result<Option<Zeroizing<Vec<u8>>>, CliError> {
    let path = file.segments().fold(data.to_owned(), |path, segment| path.join(segment));
    let failed = |source| CliError::SecretFile { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(2 * SECRET_FILE_BYTES_MAX));
    file.take(SECRET_FILE_BYTES_MAX as u64).read_to_end(&mut text).map_err(failed)?;
    Ok(Some(text))
}

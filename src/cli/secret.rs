//! Secrets in files, which show in no process list: the secret that an argument names, and those of a data directory on
//! which a node may be running.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dacapo::crypto::{Keys, MasterSecret, NodeId};
use dacapo::disk::DiskPath;
use dacapo::limits::MEMBERS_FILE_BYTES_MAX;
use dacapo::membership::{Cluster, Members};
use dacapo::store::{Identity, layout};
use zeroize::Zeroizing;

use super::error::CliError;
use super::limits::SECRET_FILE_BYTES_MAX;
use super::logging;

/// Returns the cluster that the arguments of a command name, if any.
pub(crate) fn named(secret_file: Option<&Path>, is_open: bool) -> Result<Option<Cluster>, CliError> {
    match secret_file {
        Some(path) => read(path).map(Some),
        None => Ok(is_open.then_some(Cluster::Open)),
    }
}

/// Reads the secret of a cluster, or the file `cluster` of a data directory, which has a mark and a check beside it.
fn read(path: &Path) -> Result<Cluster, CliError> {
    let mut text = text(path).map_err(|source| CliError::SecretFile { path: path.to_owned(), source })?;
    let failed = |source| CliError::Secret { path: path.to_owned(), source };
    text.parse().map(Cluster::Closed).or_else(|source| {
        // There is room for it: no copy of the secret is left behind.
        text.push('\n');
        Cluster::parse(text.as_bytes()).map_err(|_| failed(source))
    })
}

/// Reads a file that holds a secret, up to its last line end, and warns if others can read it too.
pub(crate) fn text(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        logging::warn("", format_args!("others can read {}: chmod 600 makes it yours alone", path.display()));
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * SECRET_FILE_BYTES_MAX));
    file.take(SECRET_FILE_BYTES_MAX as u64).read_to_string(&mut text)?;
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

/// Returns the nodes that a data directory dials and admits.
pub(crate) fn members_of(data: &Path) -> Result<Members, CliError> {
    let text = peek_up_to(data, &layout::members(), MEMBERS_FILE_BYTES_MAX)?;
    Ok(text.map(|text| Members::parse(&text)).transpose()?.unwrap_or_default())
}

/// Notes in a data directory, for `dacapo doctor`, that there is a backup of its identity, which is good without it.
pub(crate) fn tell_backup(data: &Path) {
    let mark = || File::create(at(data, &layout::backed_up()))?.sync_all().and_then(|()| File::open(data)?.sync_all());
    if let Err(error) = mark() {
        logging::warn("", format_args!("cannot note in {} that there is a backup: {error}", data.display()));
    }
}

/// Returns when the identity of a data directory was last written elsewhere, if it ever was.
pub(crate) fn backed_up_at(data: &Path) -> Option<SystemTime> {
    fs::metadata(at(data, &layout::backed_up())).and_then(|mark| mark.modified()).ok()
}

fn at(data: &Path, file: &DiskPath) -> PathBuf {
    file.segments().fold(data.to_owned(), |path, segment| path.join(segment))
}

/// Reads a file of a data directory that holds a secret, without the lock: such files are replaced whole.
fn peek(data: &Path, file: &DiskPath) -> Result<Option<Zeroizing<Vec<u8>>>, CliError> {
    peek_up_to(data, file, SECRET_FILE_BYTES_MAX)
}

fn peek_up_to(data: &Path, file: &DiskPath, bytes_max: usize) -> Result<Option<Zeroizing<Vec<u8>>>, CliError> {
    let path = at(data, file);
    let failed = |source| CliError::SecretFile { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(2 * bytes_max));
    file.take(bytes_max as u64).read_to_end(&mut text).map_err(failed)?;
    Ok(Some(text))
}

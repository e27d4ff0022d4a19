//! The cluster secret, read from a file so that it shows in no process list.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dacapo::crypto::ClusterSecret;

use super::error::CliError;
use super::limits::SECRET_FILE_BYTES_MAX;
use super::logging;

/// Reads a cluster secret and warns where others can read it too.
pub(crate) fn read(path: &Path) -> Result<ClusterSecret, CliError> {
    let failed = |source| CliError::SecretFile { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        logging::warn("", format_args!("others can read {}: chmod 600 makes it yours alone", path.display()));
    }
    let mut text = String::new();
    file.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.parse().map_err(|source| CliError::Secret { path: path.to_owned(), source })
}

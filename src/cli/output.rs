//! Writing to standard output, as text and as JSON, and to files. A failed write is an error of the command.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dacapo::crypto::Attributes;
use dacapo::view::show;
use rustix::fs::Mode;
use rustix::process::umask;
use serde::Serialize;

use super::error::CliError;

/// What the names of files begin with that are not complete. A process that was killed leaves them.
pub(crate) const TEMPORARY_PREFIX: &str = ".dacapo-get-";

/// The permissions of a new file, less the mask of the process.
const MODE_OF_NEW: u32 = 0o666;

/// Writes one line of text.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { show::visible(text) } else { text.into() };
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(CliError::Stdout)
}

/// Writes a text as it is.
pub(crate) fn bytes(text: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text).and_then(|()| stdout.flush()).map_err(CliError::Stdout)
}

/// Writes one line that somebody must get, so that it is an error too if nobody reads it.
pub(crate) fn needed_line(text: &str) -> Result<(), CliError> {
    line(text).map_err(|error| match error {
        CliError::Stdout(source) => CliError::Undelivered(source),
        other => other,
    })
}

/// Writes one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CliError> {
    line(&json_text(value))
}

/// Makes the name of a new file durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Returns the permissions that this process gives to a new file.
pub(crate) fn mode_of_new() -> u32 {
    // The mask can be read only by setting it.
    let mask = umask(Mode::RWXG | Mode::RWXO);
    umask(mask);
    MODE_OF_NEW & !mask.bits()
}

/// Returns the time of a content, if the system can tell it.
pub(crate) fn time_of(attributes: &Attributes) -> Option<SystemTime> {
    let seconds = Duration::from_secs(attributes.changed_s.unsigned_abs());
    let second = match attributes.changed_s {
        0.. => UNIX_EPOCH.checked_add(seconds),
        _ => UNIX_EPOCH.checked_sub(seconds),
    };
    second?.checked_add(Duration::from_nanos(attributes.changed_ns.into()))
}

/// Returns one line of JSON.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys encodes")
}

//! Writing to standard output, as text and as JSON, and to files. A failed write is an error of the command.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde::Serialize;

use super::error::CliError;
use super::show;

/// Writes one line of text.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { show::visible(text) } else { text.into() };
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(CliError::Stdout)
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

/// Returns one line of JSON.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys encodes")
}

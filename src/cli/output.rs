//! Writing to standard output: text and JSON. A failed write is an error of the command.

use std::io::{self, Write};

use serde::Serialize;

use super::error::CliError;

/// Writes one line of text.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(CliError::Stdout)
}

/// Writes one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CliError> {
    line(&json_text(value))
}

/// Returns one line of JSON.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys encodes")
}

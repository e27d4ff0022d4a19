//! The passphrase of a backup: typed without being shown, or read from a file. It is never an argument or a variable,
//! which others on the machine can see.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::CliError;
use super::limits::PASSPHRASE_BYTES_MAX;

/// Asks for a new passphrase, which has to be typed twice.
pub(crate) fn choose(file: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
    let passphrase = ask(file, "passphrase for the backup: ")?;
    if file.is_none() && passphrase != ask(None, "the same again: ")? {
        return Err(CliError::PassphrasesDiffer);
    }
    Ok(passphrase)
}

/// Asks for the passphrase of a backup, or reads it from a file.
pub(crate) fn ask(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, CliError> {
    let Some(path) = file else {
        if !io::stdin().is_terminal() {
            return Err(CliError::NoPassphrase);
        }
        return rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(CliError::Process);
    };
    let failed = |source| CliError::PassphraseFile { path: path.to_owned(), source };
    let source: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    let mut line = Zeroizing::new(String::with_capacity(2 * PASSPHRASE_BYTES_MAX));
    BufReader::new(source.take(PASSPHRASE_BYTES_MAX as u64)).read_line(&mut line).map_err(failed)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

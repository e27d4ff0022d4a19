//! A file that a command writes its result to. It is opened before the work, so that a path that cannot be written is
//! known at once; what was there before stays until there is a result.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file for a result.
pub(super) struct ResultFile {
    path: PathBuf,
    file: File,
    /// Whether there was no such file before. Without a result there will be none after.
    is_new: bool,
}

impl ResultFile {
    /// Opens a file.
    ///
    /// # Errors
    /// Says which file cannot be written, and why.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let is_new = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), file, is_new })
    }

    /// Writes the result in the place of what was there.
    ///
    /// # Errors
    /// Says which file cannot be written, and why.
    pub(super) fn write(mut self, text: &str) -> Result<(), String> {
        self.is_new = false;
        let written = match self.file.metadata() {
            Ok(metadata) if metadata.is_file() => replace(&self.path, text),
            // A pipe or a terminal has no name to be taken over.
            other => other.and_then(|_| self.file.write_all(text.as_bytes())),
        };
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

impl Drop for ResultFile {
    fn drop(&mut self) {
        // Another command may have written to it meanwhile.
        if self.is_new && fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == 0) {
            // If it cannot be removed, an empty file is left.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Gives a file a new content under a name of its own first, so that nobody sees a part of it, or parts of two.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let path = fs::canonicalize(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let renamed = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    if renamed.is_err() {
        // If it cannot be removed either, it stays.
        drop(fs::remove_file(&temporary));
    }
    renamed
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

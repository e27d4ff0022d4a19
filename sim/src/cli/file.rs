//! A file that a command writes its result to. That it can be written is seen before the work, and what was there stays
//! until there is a result.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file for a result.
pub(super) struct ResultFile {
    path: PathBuf,
    place: Place,
}

/// How a file gets its content.
enum Place {
    /// It is written under a name of its own first, so that nobody sees a part of it, or parts of two.
    Replaced(PathBuf),
    /// It is there, and nothing can be made beside it; or it is a pipe or a terminal.
    Written(File),
}

impl ResultFile {
    /// Opens a file. One that is not there is not there afterwards either.
    ///
    /// # Errors
    /// Says which file cannot be written, and why.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            return Err("- is no name of a file here; ./- is".to_owned());
        }
        let place = place_of(path).map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), place })
    }

    /// Writes the result in the place of what was there.
    ///
    /// # Errors
    /// Says which file cannot be written, and why.
    pub(super) fn write(self, text: &str) -> Result<(), String> {
        let written = match self.place {
            Place::Replaced(path) => replace(&path, text),
            Place::Written(mut file) => fill(&mut file, text),
        };
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

fn place_of(path: &Path) -> io::Result<Place> {
    let there = OpenOptions::new().write(true).open(path);
    let (path, file) = match there {
        // A link stays one.
        Ok(file) => (fs::canonicalize(path)?, file),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Through a link it is made where that leads.
            let new = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            let found = fs::canonicalize(path)?;
            // Another command may have written to it since, or put its own in the place.
            let (there, made) = (fs::metadata(&found)?, new.metadata()?);
            if made.len() == 0 && (there.dev(), there.ino()) == (made.dev(), made.ino()) {
                fs::remove_file(&found)?;
            }
            return Ok(Place::Replaced(found));
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(Place::Written(file));
    }
    let beside = temporary(&path);
    match OpenOptions::new().write(true).create_new(true).open(&beside) {
        Ok(_) => fs::remove_file(&beside).map(|()| Place::Replaced(path)),
        Err(_) => Ok(Place::Written(file)),
    }
}

/// Returns the name under which a file is written first.
fn temporary(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.tmp", std::process::id()))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temporary = temporary(path);
    let written = fs::write(&temporary, text).and_then(|()| match fs::metadata(path) {
        Ok(before) => fs::set_permissions(&temporary, before.permissions()),
        Err(_) => Ok(()),
    });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // If it cannot be removed either, it stays.
        drop(fs::remove_file(&temporary));
    }
    renamed
}

fn fill(file: &mut File, text: &str) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

/// Reads a text that has at most so many bytes, also if its file does not tell its length.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    match text.len() as u64 > bytes_max {
        true => Err(io::Error::new(ErrorKind::InvalidData, format!("it is longer than {bytes_max} bytes"))),
        false => Ok(text),
    }
}

/// Returns what tells whether two paths lead to one file, whether or not that is there.
pub(super) fn same_file(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = || Some(fs::canonicalize(parent).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

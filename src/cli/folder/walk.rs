//! Reads a folder: every file and symbolic link in it, and what is in it that cannot be stored.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use dacapo::crypto::{Attributes, Key};
use dacapo::folder::{FilePath, FolderFile, Prefix, Scope};
use ignore::{DirEntry, WalkBuilder};
use rustix::fs::CWD;
use tokio::task::yield_now;

use super::changes::Changes;
use super::data_directory::is_data_directory;
use super::excluded::{Excluded, IGNORE_FILE};
use crate::cli::error::CliError;
use crate::cli::output::TEMPORARY_PREFIX;
use crate::cli::source::attributes_of;

/// Why a file is left out that was there a moment ago.
pub(super) const GONE_BY_NOW: &str = "it is gone by now";

/// Files, whatever their names: device and number of each.
pub(super) type FileIds = BTreeSet<(u64, u64)>;

/// What is in a folder.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) files: Vec<(Key, FolderFile)>,
    pub(super) seen: FileIds,
    /// What has no content that could be stored, with the reason.
    pub(super) odd: Vec<(String, String)>,
    /// What could not be read, or has no key: there may be more that is to be stored.
    pub(super) failed: Vec<(String, String)>,
    /// Whether something was gone before it could be looked at.
    pub(super) has_vanished: bool,
}

/// Reads what is looked at of a folder. Symbolic links in it are not followed. The data directory of a node, which
/// changes with each store, is left out. Each directory is given to `changes` before it is read. Signals are heard
/// meanwhile.
#[expect(clippy::disallowed_methods, reason = "a walk waits for nothing, and signals have to be heard")]
pub(super) async fn walk(
    root: &Path,
    prefix: &Prefix,
    excluded: &Arc<Excluded>,
    scope: &Scope,
    changes: Option<&Arc<Changes>>,
) -> Result<Walked, CliError> {
    let failed = |source| CliError::Unreadable { path: root.to_owned(), source };
    if !fs::metadata(root).map_err(failed)?.is_dir() {
        return Err(CliError::NotADirectory { path: root.to_owned() });
    }
    let left_out = Arc::<Mutex<Vec<_>>>::default();
    let mut walked = Walked::default();
    for entry in walker(root, excluded, scope, &left_out, changes).build() {
        match entry {
            Ok(entry) => {
                // Whether what it names is to be stored cannot be told.
                if let Some(error) = entry.error() {
                    return Err(CliError::IgnoreFile { reason: error.to_string() });
                }
                if !is_dir(&entry) {
                    walked.take(root, prefix, &entry);
                }
            }
            Err(error) => walked.miss(root.display().to_string(), "a directory in it is gone by now", &error),
        }
        yield_now().await;
    }
    walked.odd.append(&mut left_out.lock().expect("nobody panics"));
    Ok(walked)
}

/// Tells whether there is anything in a folder, as far as it is looked at, that is to be stored.
pub(super) fn has_files(root: &Path, excluded: &Arc<Excluded>, scope: &Scope) -> bool {
    let entries = walker(root, excluded, scope, &Arc::default(), None).build().flatten();
    let mut files = entries.filter(|entry| !is_dir(entry) && entry.file_name() != IGNORE_FILE);
    files.any(|entry| entry.metadata().is_ok_and(|metadata| attributes(&metadata).is_ok()))
}

fn is_dir(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// Goes through what is looked at of a folder, and notes what is left out although nobody has named it.
fn walker(
    root: &Path,
    excluded: &Arc<Excluded>,
    scope: &Scope,
    left_out: &Arc<Mutex<Vec<(String, String)>>>,
    changes: Option<&Arc<Changes>>,
) -> WalkBuilder {
    let (base, excluded, scope, odd) = (root.to_owned(), excluded.clone(), scope.clone(), left_out.clone());
    let changes = changes.cloned();
    let is_wanted = move |entry: &DirEntry| {
        let is_dir = is_dir(entry);
        let below = entry.path().strip_prefix(&base).unwrap_or(entry.path());
        if entry.depth() == 0 || excluded.has_name(below, is_dir) || !scope.leads_through(below) {
            return entry.depth() == 0;
        }
        let reason = match is_dir {
            true if is_data_directory(CWD, entry.path()) => "it is the data directory of a node",
            false if is_incomplete(entry.file_name().as_bytes()) => "it is what is left of an interrupted get",
            true => {
                if let Some(changes) = &changes {
                    changes.notice_in(entry.path());
                }
                return true;
            }
            false => return true,
        };
        odd.lock().expect("nobody panics").push((below.to_string_lossy().into_owned(), reason.to_owned()));
        false
    };
    // With nothing after the last slash, also a symbolic link is the directory that it leads to.
    let mut builder = WalkBuilder::new(root.join(""));
    builder.standard_filters(false).add_custom_ignore_filename(IGNORE_FILE).filter_entry(is_wanted);
    builder
}

impl Walked {
    fn take(&mut self, root: &Path, prefix: &Prefix, entry: &DirEntry) {
        let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let name = below.to_string_lossy().into_owned();
        let found = match entry.metadata() {
            Ok(metadata) => attributes(&metadata).map(|attributes| (metadata.size(), attributes, file_id(&metadata))),
            Err(error) => return self.miss(name, GONE_BY_NOW, &error),
        };
        let (size, attributes, id) = match found {
            Ok(found) => found,
            Err(kind) => return self.odd.push((name, format!("it is {kind}"))),
        };
        let Ok(text) = std::str::from_utf8(below.as_os_str().as_bytes()) else {
            return self.failed.push((name, "its name is not UTF-8".to_owned()));
        };
        let path = match FilePath::new(text) {
            Ok(path) => path,
            Err(error) => return self.failed.push((name, error.to_string())),
        };
        match prefix.key(&path) {
            Ok(key) => {
                self.seen.insert(id);
                self.files.push((key, FolderFile { path, size, attributes }));
            }
            Err(error) => self.failed.push((name, error.to_string())),
        }
    }

    /// Notes what could not be looked at. What is gone is not to be stored, unless it is the folder itself.
    fn miss(&mut self, name: String, gone: &str, error: &ignore::Error) {
        let is_gone = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
        if is_gone && error.depth() != Some(0) {
            self.has_vanished = true;
            self.odd.push((name, gone.to_owned()));
        } else {
            self.failed.push((name, error.to_string()));
        }
    }
}

/// Returns which file it is, whatever its name.
pub(super) fn file_id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Tells whether a name is one that `get -r` gives to what is not complete: the prefix, a process, a number.
pub(super) fn is_incomplete(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(TEMPORARY_PREFIX.as_bytes()) else { return false };
    let parts: Vec<_> = rest.split(|byte| *byte == b'-').collect();
    parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// Returns what a file or a symbolic link has beside its content, or what it is if it is neither.
pub(super) fn attributes(metadata: &Metadata) -> Result<Attributes, &'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        Ok(attributes_of(metadata))
    } else if kind.is_symlink() {
        let attributes = attributes_of(metadata);
        Ok(Attributes { mode: Attributes::SYMLINK | attributes.mode & 0o777, ..attributes })
    } else if kind.is_fifo() {
        Err("a pipe")
    } else if kind.is_socket() {
        Err("a socket")
    } else {
        Err("a device")
    }
}

//! What is stored and is no longer in a folder: what `put -r --delete` deletes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dacapo::crypto::{Key, Version};
use dacapo::folder::{FilePath, FolderFile, Prefix, Scope};
use dacapo::node::FileInfo;

use super::excluded::{Excluded, IGNORE_FILE, Ignored};
use super::known::Known;
use super::walk::has_files;
use crate::cli::error::CliError;

/// A stored file that is gone from a folder.
#[derive(Clone)]
pub(super) struct GoneFile {
    pub(super) key: Key,
    pub(super) size: u64,
    /// The version that was stored when it was found to be gone.
    pub(super) version: Version,
}

/// Looks for what is gone from a folder.
pub(super) struct Gone<'a> {
    root: &'a Path,
    prefix: &'a Prefix,
    excluded: &'a Arc<Excluded>,
    ignored: Ignored,
    /// Whether the directories have files in them, or in directories below them, as far as that is known. The folder
    /// itself has no name.
    filled: BTreeMap<String, bool>,
    /// What is gone.
    pub(super) files: Vec<GoneFile>,
    /// A directory that is there and has nothing of what is stored.
    emptied: Option<String>,
    /// What is known of a folder that is watched.
    known: Option<&'a Known>,
    /// A place where a disk was mounted.
    unmounted: Option<String>,
}

impl<'a> Gone<'a> {
    pub(super) fn new(
        root: &'a Path,
        prefix: &'a Prefix,
        excluded: &'a Arc<Excluded>,
        files: &[(Key, FolderFile)],
        known: Option<&'a Known>,
    ) -> Self {
        let mut filled = BTreeMap::new();
        for (_, file) in files {
            let (names, name) = file.path.split();
            if name != IGNORE_FILE {
                filled.extend((0..=names.len()).map(|count| (names[..count].join("/"), true)));
            }
        }
        let ignored = Ignored::default();
        Self { root, prefix, excluded, ignored, filled, files: Vec::new(), emptied: None, known, unmounted: None }
    }

    /// Looks whether a stored file that the folder does not have is to be deleted. What is there and left out is not
    /// gone, and neither is what would be left out.
    pub(super) fn look(&mut self, stored: FileInfo) {
        let Ok(path) = self.prefix.path(&stored.key) else { return };
        if self.excluded.has(&path) || !is_gone(self.root, &path) {
            return;
        }
        // Where an ignore file cannot be read, nobody knows.
        if self.ignored.has(self.root, &path).unwrap_or(true) {
            return;
        }
        let (names, _) = path.split();
        let mut places = (0..=names.len()).rev().map(|count| names[..count].join("/"));
        let is_unmounted = |place: &String| self.known.is_some_and(|known| known.is_unmounted(self.root, place));
        if let Some(place) = places.clone().find(is_unmounted) {
            self.unmounted = Some(place);
        }
        if let Some(place) = places.find(|place| is_directory(self.root, place))
            && !self.is_filled(&place)
            && !self.known.is_some_and(|known| known.is_same(self.root, &place))
        {
            self.emptied = Some(place);
        }
        self.files.push(GoneFile { key: stored.key, size: stored.size, version: stored.version });
    }

    /// Tells whether a directory has anything in it that is to be stored. Not all of the folder may have been read.
    fn is_filled(&mut self, place: &str) -> bool {
        if let Some(is_filled) = self.filled.get(place) {
            return *is_filled;
        }
        let scope = FilePath::new(place).map_or(Scope::All, Scope::from);
        let is_filled = has_files(self.root, self.excluded, &scope);
        self.filled.insert(place.to_owned(), is_filled);
        is_filled
    }

    /// Tells whether a file that was gone is so still.
    pub(super) fn is_so_still(&self, file: &GoneFile) -> bool {
        self.prefix.path(&file.key).is_ok_and(|path| is_gone(self.root, &path))
    }

    /// Fails if a disk is not mounted any more, or if a directory is empty: it may be the place of one.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let stored = self.files.len() as u64;
        match (&self.unmounted, &self.emptied) {
            (None, None) => Ok(()),
            (Some(place), _) => Err(CliError::Unmounted { path: self.root.join(place) }),
            (None, Some(place)) => Err(CliError::EmptyFolder { path: self.root.join(place), stored }),
        }
    }

    /// Has it be known which directories have files now.
    pub(super) fn note(&self) {
        if let Some(known) = self.known {
            known.note(self.root, self.filled.iter().filter(|(_, is_filled)| **is_filled).map(|(place, _)| &**place));
        }
    }
}

/// Tells whether nothing that could be stored lies in the place of a file: nothing at all, or a directory. A symbolic
/// link on the way is a file, and what lies behind it is not looked at.
pub(super) fn is_gone(root: &Path, path: &FilePath) -> bool {
    let (mut names, name) = path.split();
    names.push(name);
    let mut place = root.to_owned();
    for (index, name) in names.iter().enumerate() {
        place.push(name);
        let is_last = index + 1 == names.len();
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() && !is_last => {}
            // A pipe is there, and is left out.
            Ok(found) => return found.is_dir() || !is_last,
            Err(error) => return matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        }
    }
    false
}

/// Tells whether a place below the folder, or the folder itself, is a directory and no symbolic link to one.
fn is_directory(root: &Path, place: &str) -> bool {
    place.is_empty() || fs::symlink_metadata(root.join(place)).is_ok_and(|found| found.is_dir())
}

//! The folder that a sweep writes: `summary.json`, `index.html`, and a folder for each cause of a broken promise.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::file::{ResultFile, read_bounded};
use super::source::Planted;
use super::summarised::faults_of;
use crate::artefacts::{Artefacts, PLAN};
use crate::export::overview;
use crate::subject::Subject;
use crate::summary::{Found, SweepSummary};

/// The longest summary that is read, in bytes. Chosen: as many broken seeds as a summary has are a fraction of it.
const SUMMARY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The folder of a sweep.
pub(super) struct Folder {
    path: PathBuf,
    /// Keeps other commands from writing to it.
    _lock: Option<File>,
}

impl Folder {
    /// Makes a folder for a new sweep. `instead` says what to do if it has one already.
    ///
    /// # Errors
    /// If it cannot be made, has a sweep already, or another command writes to it.
    pub(super) fn create(path: &Path, instead: &str) -> Result<Self, String> {
        fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        let folder = Self { path: path.to_owned(), _lock: None }.locked()?;
        // What cannot be written is known before the work.
        match fs::metadata(folder.summary_path()).is_ok_and(|metadata| metadata.len() > 0) {
            true => Err(format!("{} has a sweep already: {instead}", path.display())),
            false => ResultFile::open(&folder.summary_path()).map(|_| folder),
        }
    }

    /// Returns the folder as one that this command alone writes to.
    ///
    /// # Errors
    /// If another command does.
    pub(super) fn locked(self) -> Result<Self, String> {
        let path = self.path;
        let failed = |error: io::Error| format!("cannot lock {}: {error}", path.display());
        let lock = File::open(&path).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(format!("another command writes to {}", path.display())),
            // Some file systems have no locks.
            Err(Errno::OPNOTSUPP | Errno::NOLCK) | Ok(()) => {}
            Err(error) => return Err(failed(error.into())),
        }
        Ok(Self { path, _lock: Some(lock) })
    }

    /// Opens the folder of a sweep, if there is one.
    ///
    /// # Errors
    /// If there is one, and its summary cannot be read.
    pub(super) fn open(path: &Path) -> Result<Option<(Self, SweepSummary)>, String> {
        let folder = Self { path: path.to_owned(), _lock: None };
        let summary_path = folder.summary_path();
        let failed = |error: String| format!("cannot read {}: {error}", summary_path.display());
        let text = match read_bounded(&summary_path, SUMMARY_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
            // Whoever made it was killed before there was anything to write.
            Ok(text) if text.is_empty() => return Ok(None),
            Ok(text) => text,
        };
        Ok(Some((folder, SweepSummary::parse(&text).map_err(failed)?)))
    }

    fn summary_path(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Writes what a sweep has seen so far.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn write(&self, summary: &SweepSummary) -> Result<(), String> {
        ResultFile::open(&self.summary_path())?.write(&summary.json())
    }

    /// Writes what a sweep has seen, for programs and for people.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn finish<S: Subject>(&self, program: &str, subject: &S, summary: &SweepSummary) -> Result<(), String> {
        self.write(summary)?;
        let title = format!("{program} sweep, {}", summary.span());
        let page = overview(&title, summary, &subject.verbs(), &faults_of(subject));
        ResultFile::open(&self.path.join("index.html"))?.write(&page)
    }

    /// Writes all about one cause.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn keep<S: Subject>(
        &self,
        program: &str,
        subject: &S,
        found: &Found<S::Call>,
        planted: &Planted,
    ) -> Result<(), String> {
        let (name, bug) = (&found.group.folder, planted.again());
        let (plan, broken, shrunk_from) = match &found.shrunk {
            Some(shrunk) => (&shrunk.plan, &shrunk.broken, Some((&found.plan, &shrunk.first))),
            None => (&found.plan, &found.broken, None),
        };
        // The commands of the report are for the folder of the sweep, wherever that is taken to.
        let again = format!("{name}/{PLAN}{bug}");
        let written =
            Artefacts { plan, broken, shrunk_from, again: &again }.write(&self.path.join(name), program, subject);
        written.map_err(|error| format!("cannot write to {}: {error}", self.path.join(name).display()))
    }

    /// Takes over the folder of a cause from another sweep.
    ///
    /// # Errors
    /// Says what cannot be read or written. What is there already stays.
    pub(super) fn take_over(&self, other: &Self, name: &str) -> Result<(), String> {
        let (from, to) = (other.path.join(name), self.path.join(name));
        if to.exists() {
            return Err(format!("{} is there already, and is of another sweep", to.display()));
        }
        let half = self.path.join(format!("{name}.part"));
        let failed = |error: io::Error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
        fs::create_dir_all(&half).map_err(failed)?;
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            fs::copy(entry.path(), half.join(entry.file_name())).map_err(failed)?;
        }
        fs::rename(&half, &to).map_err(failed)
    }
}
